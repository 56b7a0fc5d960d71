/* What a process got from its caller besides arguments and environment, and how it gives that back. In C, because it runs
 * before anything else, and between vfork(2) and execve(2), where nothing may allocate. */
#include "clinux.h"

static struct {
    sigset_t mask;
    int ignores_children;
    struct rlimit files;
    int raised_files;
    /* Above 2, ascending: readdir of /proc/self/fd counts up. */
    int *descriptors;
    size_t count, room;
} inherited;

static int note(int fd) {
    if (inherited.count == inherited.room) {
        size_t room = inherited.room ? 2 * inherited.room : 16;
        int *larger = realloc(inherited.descriptors, room * sizeof *larger);
        if (!larger) return -1;
        inherited.descriptors = larger;
        inherited.room = room;
    }
    inherited.descriptors[inherited.count++] = fd;
    return 0;
}

/* Where descriptors end when /proc cannot list them. */
static int highest_descriptor(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max > 1 << 20) return 1 << 20;
    return (int)limit.rlim_max;
}

/* Calls `visit` with every open descriptor from `first` on but `list`, which is /proc/self/fd, open. */
static int each_listed(int list, int first, int (*visit)(int, const int *, size_t), const int *kept, size_t count) {
    _Alignas(struct dirent64) char buffer[4096];
    ssize_t size;
    while ((size = getdents64(list, buffer, sizeof buffer)) > 0) {
        for (char *at = buffer; at < buffer + size; at += ((struct dirent64 *)at)->d_reclen) {
            const char *digit = ((struct dirent64 *)at)->d_name;
            int fd = 0;
            if (*digit == '.') continue;
            while (*digit) fd = 10 * fd + *digit++ - '0';
            if (fd >= first && fd != list && visit(fd, kept, count) != 0) return -1;
        }
    }
    return (int)size;
}

static int visit_noting(int fd, const int *kept, size_t count) {
    (void)kept, (void)count;
    return note(fd);
}

int skl_inherit(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL}, before;
    sigset_t none;
    int list, null;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, &inherited.mask) != 0 || sigaction(SIGCHLD, &standard, &before) != 0) return -1;
    inherited.ignores_children = before.sa_handler == SIG_IGN;
    /* open(2) takes the lowest free number: one below 3 is missing from what the caller gave. */
    while ((list = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 && list <= 2) {
        close(list);
        if (open("/dev/null", O_RDWR) < 0) return -1;
    }
    if (list >= 0) {
        int result = each_listed(list, 3, visit_noting, NULL, 0);
        close(list);
        return result;
    }
    /* No /proc. */
    while ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && null <= 2) fcntl(null, F_SETFD, 0);
    if (null < 0) return -1;
    close(null);
    for (int fd = 3, last = highest_descriptor(); fd < last; fd++)
        if (fcntl(fd, F_GETFD) >= 0 && note(fd) != 0) return -1;
    return 0;
}

const int *skl_inherited_descriptors(size_t *count) {
    *count = inherited.count;
    return inherited.descriptors;
}

void skl_disinherit(int fd) {
    for (size_t i = 0; i < inherited.count; i++) {
        if (inherited.descriptors[i] != fd) continue;
        memmove(&inherited.descriptors[i], &inherited.descriptors[i + 1],
                (--inherited.count - i) * sizeof *inherited.descriptors);
        return;
    }
}

int skl_raise_descriptor_limit(rlim_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    if (limit.rlim_cur >= wanted || limit.rlim_cur == limit.rlim_max) return 0;
    if (!inherited.raised_files) inherited.files = limit;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    inherited.raised_files = 1;
    return 0;
}

void skl_inherit_descriptor_limit(rlim_t soft, rlim_t hard) {
    inherited.files = (struct rlimit){.rlim_cur = soft, .rlim_max = hard};
    inherited.raised_files = 1;
}

static int lower_descriptor_limit(void) {
    return inherited.raised_files ? setrlimit(RLIMIT_NOFILE, &inherited.files) : 0;
}

int skl_give_inheritance_back(void) {
    if (lower_descriptor_limit() != 0) return -1;
    if (inherited.ignores_children) {
        struct sigaction ignoring = {.sa_handler = SIG_IGN};
        if (sigaction(SIGCHLD, &ignoring, NULL) != 0) return -1;
    }
    return sigprocmask(SIG_SETMASK, &inherited.mask, NULL);
}

static int visit_closing(int fd, const int *kept, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (kept[i] == fd) return 0;
    close(fd);
    return 0;
}

/* Linux before 5.9, and filters that know no close_range(2). */
static void close_others_by_list(int first, const int *kept, size_t count) {
    int list = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (list >= 0) {
        int result = each_listed(list, first, visit_closing, kept, count);
        close(list);
        if (result == 0) return;
    }
    for (int fd = first, last = highest_descriptor(); fd < last; fd++) visit_closing(fd, kept, count);
}

void skl_close_others(int first, const int *kept, size_t count) {
    unsigned next = (unsigned)first;
    for (size_t i = 0; i <= count; i++) {
        unsigned stop = i < count ? (unsigned)kept[i] : UINT_MAX;
        if (i < count && stop < next) continue;
        unsigned last = i < count ? stop - 1 : UINT_MAX;
        if (last + 1 != next && skl_close_range(next, last, 0) != 0) {
            close_others_by_list(first, kept, count);
            return;
        }
        next = stop + 1;
    }
}

/* Entering a user namespace gives all capabilities in it, and execve(2) takes them from everybody but its root, unless they are
 * ambient: capabilities(7). A program that is sent there is to work on the namespaces that it owns. */
static int keep_capabilities(void) {
    uint32_t effective[2], permitted[2], inheritable[2];
    if (skl_capget(effective, permitted, inheritable) != 0) return -1;
    if (skl_capset(effective, permitted, permitted) != 0) return -1;
    for (int number = 0; number < 64; number++) {
        if (!(permitted[number / 32] >> number % 32 & 1)) continue;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) return -1;
    }
    return 0;
}

/* In the child of vfork(2), which shares the memory of its parent. Comes back only when something failed. */
static void become(const struct skl_spawn *request, int *copies) {
    int above = 2;
    for (size_t i = 0; i < request->count; i++)
        if (request->targets[i] > above) above = request->targets[i];
    for (size_t i = 0; i < request->namespace_count; i++)
        if (request->namespaces[i] > above) above = request->namespaces[i];
    /* First away from all targets, so that one dup2(2) cannot overwrite the source of another. */
    for (size_t i = 0; i < request->count; i++)
        if ((copies[i] = fcntl(request->sources[i], F_DUPFD, above + 1)) < 0) return;
    for (size_t i = 0; i < request->count; i++)
        if (dup2(copies[i], request->targets[i]) < 0) return;
    for (size_t i = 0; i < request->namespace_count; i++)
        if (setns(request->namespaces[i], 0) != 0) return;
    if (request->namespace_count > 0 && geteuid() != 0 && keep_capabilities() != 0) return;
    skl_close_others(3, request->targets, request->count);
    if (request->new_session && setsid() < 0) return;
    if (request->death_signal) {
        if (prctl(PR_SET_PDEATHSIG, request->death_signal) != 0) return;
        if (getppid() != request->parent) raise(request->death_signal);
    }
    if (lower_descriptor_limit() != 0) return;
    if (request->file_size_limit) {
        struct rlimit limit = {request->file_size_limit, request->file_size_limit};
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return;
    }
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0) return;
    execve(request->path, request->arguments, request->environment);
}

pid_t skl_spawn(const struct skl_spawn *request) {
    sigset_t all, before;
    int copies[request->count + 1];
    volatile int failure = 0;
    sigfillset(&all);
    /* No handler may run in the child, on the parent's memory. */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0) {
        become(request, copies);
        failure = errno ? errno : EINVAL;
        _exit(127);
    }
    if (pid < 0) failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failure) return pid;
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    errno = failure;
    return -1;
}

int skl_end_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
