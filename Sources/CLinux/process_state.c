/* What the code of a plugin could leave changed in the process that called it. In C, because it is read after every
 * call, in a few microseconds. */
#include "clinux.h"

#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <locale.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/time.h>

struct place {
    uint64_t device, inode;
};

struct standard {
    uint64_t device, inode, rdev;
    int flags, descriptor_flags;
};

struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

enum { SIGNALS = 64, NAMESPACES = 8 };

struct skl_process_state {
    /* read after every call */
    mode_t umask;
    struct place directory, root;
    uint64_t root_mount, mask;
    struct rlimit limits[RLIM_NLIMITS];
    int securebits, dumpable, no_new_privileges, subreaper, death_signal, keep_capabilities, huge_pages, slack, seccomp;
    char name[16];
    int personality, io_priority, policy;
    struct scheduling scheduling;
    uint64_t processors[16], memory_nodes[16];
    uid_t users[4];
    gid_t groups[3];
    uint64_t supplementary;
    uint32_t capabilities[6];
    int keyring;
    uint64_t armed;
    stack_t alternate_stack;
    pid_t pid, session, group;
    struct standard standard[3];
    int children;
    uint64_t pending, kept;
    int write_execute, time_stamps, speculation[2];
    /* read where it costs less than it saves */
    struct sigaction actions[SIGNALS + 1];
    uint64_t bounding, ambient;
    uint64_t namespaces[NAMESPACES];
    uint64_t threads, filters, environment, passed, cgroup;
    int killing;
    struct termios terminal;
    char locale[64];
};

/* What a restoration needs besides the state. */
struct skl_process_copy {
    struct skl_process_state state;
    int directory, root, standard[3];
    char **environment;
    int kept[8];
    size_t kept_count;
    struct standard diverted;
};

static uint64_t mix(uint64_t hash, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

static const uint64_t seed = 0xcbf29ce484222325u;

static void read_place(const char *path, struct place *out) {
    struct stat found;
    if (stat(path, &found) == 0) out->device = found.st_dev, out->inode = found.st_ino;
}

static void read_standard(int fd, struct standard *out) {
    struct stat found;
    if (fstat(fd, &found) != 0) return;
    out->device = found.st_dev, out->inode = found.st_ino, out->rdev = found.st_rdev;
    out->flags = fcntl(fd, F_GETFL);
    out->descriptor_flags = fcntl(fd, F_GETFD);
}

static size_t read_text(const char *path, char *buffer, size_t room) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t count = read(fd, buffer, room - 1);
    close(fd);
    buffer[count > 0 ? count : 0] = 0;
    return count > 0 ? (size_t)count : 0;
}

static const char *const killing_file = "/proc/self/oom_score_adj";

static void read_often(const struct skl_process_copy *copy, struct skl_process_state *out, int owns_children) {
    out->umask = umask(077);
    umask(out->umask);
    read_place(".", &out->directory);
    read_place("/", &out->root);
    int root = open("/", O_PATH | O_CLOEXEC);
    if (skl_mount_id(root, &out->root_mount) != 0) out->root_mount = 0;
    close(root);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &out->mask, sizeof out->mask);
    for (unsigned i = 0; i < RLIM_NLIMITS; i++) getrlimit(i, &out->limits[i]);
    out->securebits = prctl(PR_GET_SECUREBITS);
    out->dumpable = prctl(PR_GET_DUMPABLE);
    out->no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    prctl(PR_GET_CHILD_SUBREAPER, &out->subreaper);
    prctl(PR_GET_PDEATHSIG, &out->death_signal);
    out->keep_capabilities = prctl(PR_GET_KEEPCAPS);
    out->huge_pages = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    out->slack = prctl(PR_GET_TIMERSLACK);
    out->seccomp = prctl(PR_GET_SECCOMP);
    prctl(PR_GET_NAME, out->name);
    out->personality = personality(0xffffffff);
    out->io_priority = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
    syscall(SYS_sched_getattr, 0, &out->scheduling, sizeof out->scheduling, 0);
    syscall(SYS_sched_getaffinity, 0, sizeof out->processors, out->processors);
    syscall(SYS_get_mempolicy, &out->policy, out->memory_nodes, 8 * sizeof out->memory_nodes, 0, 0);
    getresuid(&out->users[0], &out->users[1], &out->users[2]);
    getresgid(&out->groups[0], &out->groups[1], &out->groups[2]);
    gid_t groups[256];
    int count = getgroups(256, groups);
    out->supplementary = count > 0 ? mix(seed, groups, (size_t)count * sizeof *groups) : (uint64_t)count;
    skl_capget(&out->capabilities[0], &out->capabilities[2], &out->capabilities[4]);
    out->keyring = (int)syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        struct itimerval timer;
        if (getitimer(which, &timer) == 0 && (timer.it_value.tv_sec || timer.it_value.tv_usec)) out->armed |= 1u << which;
    }
    sigaltstack(NULL, &out->alternate_stack);
    out->pid = getpid(), out->session = getsid(0), out->group = getpgrp();
    for (int fd = 0; fd < 3; fd++) read_standard(fd, &out->standard[fd]);
    out->users[3] = (uid_t)setfsuid((uid_t)-1);
    syscall(SYS_rt_sigpending, &out->pending, sizeof out->pending);
    /* The host has children itself, and pipes that tell it something. */
    out->pending &= ~(1ull << (SIGCHLD - 1) | 1ull << (SIGIO - 1) | 1ull << (SIGURG - 1) | 1ull << (SIGWINCH - 1));
    out->kept = seed;
    for (size_t i = 0; i < copy->kept_count; i++) {
        struct standard one = {0};
        read_standard(copy->kept[i], &one);
        out->kept = mix(out->kept, &one.device, 3 * sizeof one.device);
    }
    out->write_execute = prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0);
    prctl(PR_GET_TSC, &out->time_stamps);
    for (int i = 0; i < 2; i++) out->speculation[i] = prctl(PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
    siginfo_t ended;
    if (owns_children) out->children = waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static const char *const namespaces[NAMESPACES] = {
    "cgroup", "ipc", "mnt", "net", "pid_for_children", "time_for_children", "user", "uts"};

static void read_rarely(struct skl_process_state *out) {
    for (int i = 1; i <= SIGNALS; i++) {
        struct sigaction action;
        if (sigaction(i, NULL, &action) != 0) continue;
        /* Flags that libc adds do not matter. */
        out->actions[i].sa_handler = action.sa_handler;
        if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
            out->actions[i].sa_flags = action.sa_flags & (SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND);
    }
    for (int i = 0; i < 64; i++) {
        int present = prctl(PR_CAPBSET_READ, i);
        if (present < 0) break;
        if (present) out->bounding |= 1ull << i;
    }
    for (int i = 0; i < 64; i++)
        if (out->capabilities[4 + i / 32] & (1u << i % 32) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
            out->ambient |= 1ull << i;
    int folder = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char text[4096];
    for (int i = 0; folder >= 0 && i < NAMESPACES; i++) {
        /* What the link says names the namespace; to follow it costs far more. */
        ssize_t length = readlinkat(folder, namespaces[i], text, sizeof text);
        if (length > 0) out->namespaces[i] = mix(seed, text, (size_t)length);
    }
    if (folder >= 0) close(folder);
    struct stat found;
    if (stat("/proc/self/task", &found) == 0) out->threads = found.st_nlink;
    out->environment = seed;
    for (char **entry = environ; entry && *entry; entry++) out->environment = mix(out->environment, *entry, strlen(*entry) + 1);
    size_t count;
    const int *passed = skl_inherited_descriptors(&count);
    out->passed = seed;
    for (size_t i = 0; i < count; i++) {
        struct standard one = {0};
        read_standard(passed[i], &one);
        out->passed = mix(out->passed, &one, sizeof one);
    }
    out->killing = read_text(killing_file, text, sizeof text) ? atoi(text) : 0;
    out->cgroup = mix(seed, text, read_text("/proc/self/cgroup", text, sizeof text));
    /* With one filter in force, another one shows only here. */
    char *filters = out->seccomp == 2 && read_text("/proc/self/status", text, sizeof text) ? strstr(text, "Seccomp_filters:") : NULL;
    out->filters = filters ? strtoull(filters + 16, NULL, 10) : 0;
    tcgetattr(0, &out->terminal);
    const char *locale = setlocale(LC_ALL, NULL);
    if (locale) snprintf(out->locale, sizeof out->locale, "%s%s", locale, uselocale(0) == LC_GLOBAL_LOCALE ? "" : "*");
}

/* Each puts back what it is named for, as far as the kernel lets it. */
typedef void restoring(const struct skl_process_copy *old, const struct skl_process_state *now);

#define RESTORE(NAME, ...) \
    static void restore_##NAME(const struct skl_process_copy *old, const struct skl_process_state *now) { \
        (void)old, (void)now; \
        __VA_ARGS__ \
    }

RESTORE(umask, umask(old->state.umask);)
RESTORE(directory, if (fchdir(old->directory) != 0) return;)
RESTORE(root, if (fchdir(old->root) != 0 || chroot(".") != 0 || fchdir(old->directory) != 0) return;)
RESTORE(mask, syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old->state.mask, NULL, sizeof old->state.mask);)
RESTORE(limits, for (unsigned i = 0; i < RLIM_NLIMITS; i++) setrlimit(i, &old->state.limits[i]);)
RESTORE(securebits, prctl(PR_SET_SECUREBITS, old->state.securebits);)
RESTORE(dumpable, prctl(PR_SET_DUMPABLE, old->state.dumpable);)
RESTORE(subreaper, prctl(PR_SET_CHILD_SUBREAPER, old->state.subreaper);)
RESTORE(death_signal, prctl(PR_SET_PDEATHSIG, old->state.death_signal);)
RESTORE(keep_capabilities, prctl(PR_SET_KEEPCAPS, old->state.keep_capabilities);)
RESTORE(huge_pages, prctl(PR_SET_THP_DISABLE, old->state.huge_pages, 0, 0, 0);)
RESTORE(slack, prctl(PR_SET_TIMERSLACK, old->state.slack);)
RESTORE(name, prctl(PR_SET_NAME, old->state.name);)
RESTORE(personality, personality((unsigned)old->state.personality);)
RESTORE(io_priority, syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, old->state.io_priority);)
RESTORE(scheduling, struct scheduling before = old->state.scheduling; syscall(SYS_sched_setattr, 0, &before, 0);)
RESTORE(processors, syscall(SYS_sched_setaffinity, 0, sizeof old->state.processors, old->state.processors);)
RESTORE(memory, syscall(SYS_set_mempolicy, old->state.policy, old->state.policy ? old->state.memory_nodes : NULL,
                        old->state.policy ? 8 * sizeof old->state.memory_nodes : 0);)
RESTORE(capabilities, struct skl_process_state copy = old->state;
        skl_capset(&copy.capabilities[0], &copy.capabilities[2], &copy.capabilities[4]);)
RESTORE(timers, struct itimerval none = {{0, 0}, {0, 0}};
        for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
            if (now->armed & ~old->state.armed & 1u << which) setitimer(which, &none, NULL);)
RESTORE(stack, sigaltstack(&old->state.alternate_stack, NULL);)
RESTORE(group, setpgid(0, old->state.group);)
RESTORE(standard, for (int fd = 0; fd < 3; fd++) {
    if (memcmp(&old->state.standard[fd], &now->standard[fd], sizeof now->standard[fd]) == 0 || old->standard[fd] < 0) continue;
    dup2(old->standard[fd], fd);
    fcntl(fd, F_SETFL, old->state.standard[fd].flags);
    fcntl(fd, F_SETFD, old->state.standard[fd].descriptor_flags);
})
/* Whether a signal was taken back that this process had sent to itself: those of the kernel and of others go on waiting. */
static int took_signal;

/* A blocked signal would wait for the program. */
RESTORE(pending, uint64_t extra = now->pending & ~old->state.pending; siginfo_t info; struct timespec none = {0, 0};
        took_signal = 0;
        for (int i = 1; i <= SIGNALS; i++) {
            sigset_t one;
            sigemptyset(&one);
            if (!(extra & 1ull << (i - 1)) || sigaddset(&one, i) != 0) continue;
            while (sigtimedwait(&one, &info, &none) == i) {
                int is_own = info.si_code <= 0 && info.si_pid == getpid();
                took_signal |= is_own;
                if (is_own) continue;
                kill(getpid(), i);
                break;
            }
        })
RESTORE(time_stamps, prctl(PR_SET_TSC, old->state.time_stamps);)
RESTORE(children, while (waitpid(-1, NULL, WNOHANG) > 0) {})
RESTORE(actions, for (int i = 1; i <= SIGNALS; i++) sigaction(i, &old->state.actions[i], NULL);)
RESTORE(ambient, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        for (int i = 0; i < 64; i++)
            if (old->state.ambient & 1ull << i) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);)
RESTORE(environment, environ = old->environment;)
RESTORE(killing, char text[16]; int fd = open(killing_file, O_WRONLY | O_CLOEXEC); if (fd < 0) return;
        if (write(fd, text, (size_t)snprintf(text, sizeof text, "%d", old->state.killing)) < 0) {}
        close(fd);)
RESTORE(terminal, tcsetattr(0, TCSANOW, &old->state.terminal);)
RESTORE(locale, uselocale(LC_GLOBAL_LOCALE); setlocale(LC_ALL, old->state.locale);)

static const struct part {
    const char *deed;
    size_t offset, size;
    restoring *restore;
} parts[] = {
#define PART(DEED, FIELD, RESTORING) {DEED, offsetof(struct skl_process_state, FIELD), sizeof((struct skl_process_state *)0)->FIELD, RESTORING}
    /* The first says that this is another process. */
    PART("it forked, and both processes came back", pid, NULL),
    /* Before the mask: it would be delivered. */
    PART("it left a signal pending", pending, restore_pending),
    PART("it changed the environment", environment, restore_environment),
    PART("it entered another mount namespace", root_mount, NULL),
    PART("it changed the root directory", root, restore_root),
    PART("it changed the working directory", directory, restore_directory),
    PART("it changed the umask", umask, restore_umask),
    PART("it changed the signal mask", mask, restore_mask),
    PART("it changed the action of a signal", actions, restore_actions),
    PART("it changed a limit of resources", limits, restore_limits),
    PART("it changed the user", users, NULL),
    PART("it changed the group", groups, NULL),
    PART("it changed the supplementary groups", supplementary, NULL),
    PART("it changed the securebits", securebits, restore_securebits),
    PART("it changed the capabilities", capabilities, restore_capabilities),
    PART("it changed the bounding set of capabilities", bounding, NULL),
    PART("it changed the ambient set of capabilities", ambient, restore_ambient),
    PART("it changed whether capabilities are kept", keep_capabilities, restore_keep_capabilities),
    PART("it set no_new_privs", no_new_privileges, NULL),
    PART("it installed a seccomp filter", seccomp, NULL),
    PART("it installed a seccomp filter", filters, NULL),
    PART("it entered another namespace", namespaces, NULL),
    PART("it left a thread running", threads, NULL),
    PART("it left a child process", children, restore_children),
    PART("it entered another session", session, NULL),
    PART("it entered another process group", group, restore_group),
    PART("it became a subreaper", subreaper, restore_subreaper),
    PART("it changed the parent death signal", death_signal, restore_death_signal),
    PART("it changed whether the process can be dumped", dumpable, restore_dumpable),
    PART("it changed the personality", personality, restore_personality),
    PART("it changed the scheduling or the nice value", scheduling, restore_scheduling),
    PART("it changed the I/O priority", io_priority, restore_io_priority),
    PART("it changed the CPU affinity", processors, restore_processors),
    PART("it changed the memory policy", policy, restore_memory),
    PART("it changed the memory policy", memory_nodes, restore_memory),
    PART("it changed the use of huge pages", huge_pages, restore_huge_pages),
    PART("it changed the timer slack", slack, restore_slack),
    PART("it changed the score for the out-of-memory killer", killing, restore_killing),
    PART("it changed the process name", name, restore_name),
    PART("it entered another session keyring", keyring, NULL),
    PART("it left a timer running", armed, restore_timers),
    PART("it closed a descriptor of skiff", kept, NULL),
    PART("it forbade memory that is written and executed", write_execute, NULL),
    PART("it forbade the time stamp counter", time_stamps, restore_time_stamps),
    PART("it changed how the processor speculates", speculation, NULL),
    PART("it changed the alternate signal stack", alternate_stack, restore_stack),
    PART("it entered another cgroup", cgroup, NULL),
    PART("it changed a standard descriptor", standard, restore_standard),
    PART("it changed a descriptor of the caller", passed, NULL),
    PART("it changed the settings of the terminal", terminal, restore_terminal),
    PART("it changed the locale", locale, restore_locale),
};

static void read_all(const struct skl_process_copy *copy, struct skl_process_state *out, int rarely, int owns_children) {
    memset(out, 0, sizeof *out);
    read_often(copy, out, owns_children);
    if (rarely) read_rarely(out);
}

struct skl_process_copy *skl_process_copy(int owns_children, const int *kept, size_t kept_count) {
    struct skl_process_copy *copy = calloc(1, sizeof *copy);
    if (!copy) return NULL;
    for (size_t i = 0; i < kept_count && i < sizeof copy->kept / sizeof *kept; i++) copy->kept[copy->kept_count++] = kept[i];
    copy->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    copy->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) copy->standard[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    size_t count = 0;
    while (environ && environ[count]) count++;
    copy->environment = calloc(count + 1, sizeof *copy->environment);
    for (size_t i = 0; copy->environment && i < count; i++) copy->environment[i] = strdup(environ[i]);
    read_all(copy, &copy->state, 1, owns_children);
    return copy;
}

void skl_process_copy_free(struct skl_process_copy *copy) {
    if (copy->directory >= 0) close(copy->directory);
    if (copy->root >= 0) close(copy->root);
    for (int fd = 0; fd < 3; fd++)
        if (copy->standard[fd] >= 0) close(copy->standard[fd]);
    /* The environment may be in use. */
    free(copy);
}

void skl_process_divert(struct skl_process_copy *copy) {
    memset(&copy->diverted, 0, sizeof copy->diverted);
    if (copy->standard[1] < 0 || dup2(2, 1) != 1) return;
    read_standard(1, &copy->diverted);
}

void skl_process_undivert(struct skl_process_copy *copy) {
    struct standard now = {0};
    fflush(NULL);
    read_standard(1, &now);
    /* Where something else is there now, it is found when the state is compared. */
    if (!copy->diverted.flags && !copy->diverted.inode) return;
    if (memcmp(&now, &copy->diverted, sizeof now) != 0) return;
    dup2(copy->standard[1], 1);
    fcntl(1, F_SETFD, copy->state.standard[1].descriptor_flags);
}

int skl_process_is_other(const struct skl_process_copy *copy) { return getpid() != copy->state.pid; }

/* Compares what was read: all parts, or those that are read often. */
static size_t compare(const struct skl_process_state *old, struct skl_process_state *now, int rarely, unsigned char *out) {
    size_t found = 0;
    /* Another directory can be of another mount. */
    if (memcmp(&old->root, &now->root, sizeof now->root) != 0) now->root_mount = old->root_mount;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!rarely && parts[i].offset >= offsetof(struct skl_process_state, actions)) continue;
        out[i] = memcmp((char *)old + parts[i].offset, (char *)now + parts[i].offset, parts[i].size) != 0;
        found += out[i];
    }
    return found;
}

size_t skl_process_restore(const struct skl_process_copy *old, int rarely, int owns_children, const char **deeds, size_t room, size_t *undone) {
    struct skl_process_state now;
    unsigned char changed[sizeof parts / sizeof *parts] = {0}, left[sizeof parts / sizeof *parts] = {0};
    size_t count = 0;
    *undone = 0;
    read_all(old, &now, rarely, owns_children);
    if (!compare(&old->state, &now, rarely, changed)) return 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (changed[i] && parts[i].restore) parts[i].restore(old, &now);
    read_all(old, &now, rarely, owns_children);
    compare(&old->state, &now, rarely, left);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].restore == restore_pending) changed[i] &= took_signal, left[i] = 0;
    /* First those that could be put back. */
    for (int is_left = 0; is_left < 2; is_left++)
        for (size_t i = 0; i < sizeof parts / sizeof *parts && count < room; i++) {
            if (!changed[i] || left[i] != is_left) continue;
            deeds[count++] = parts[i].deed;
            if (!is_left) ++*undone;
        }
    return count;
}
