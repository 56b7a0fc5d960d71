/* A plugin that does what no plugin may, where the variable MISDEED says: "exit@mounts". */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skiff/all.h>

static const skiff_host *host;
static int32_t answer;
static skiff_session *command;

/* ends */
static void by_exit(void) { exit(0); }
static void by_bare_exit(void) { _exit(0); }
static void by_system_call(void) { syscall(SYS_exit_group, 0); }
static void by_thread_call(void) { syscall(SYS_exit, 0); }
static void by_quick_exit(void) { quick_exit(0); }
static void by_pthread_exit(void) { pthread_exit(NULL); }
static void by_abort(void) { abort(); }
static void by_kill(void) { raise(SIGKILL); }
static void by_segv(void) { *(volatile int *)8 = 1; }
static void by_trap(void) { __asm__ volatile("ud2"); }
static void by_divide(void) {
    volatile int zero = 0, one = 1;
    one = one / zero;
}
static void by_bus(void) {
    int file = memfd_create("short", 0);
    volatile char *place = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    (void)place[0];
}
__attribute__((noinline)) static int deep(int n) {
    volatile char room[4096];
    room[0] = (char)n;
    return n < 0 ? 0 : deep(n + 1) + room[0];
}
static void by_overflow(void) { deep(1); }
static void by_ignored_segv(void) {
    signal(SIGSEGV, SIG_IGN);
    by_segv();
}
static void loop(void) {
    while (1) pause();
}
static void blocked_loop(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    loop();
}
static void bare_end(void) { _exit(0); }
static void at_exit(void) { atexit(bare_end); }
static void on_alarm(int number) {
    (void)number;
    _exit(0);
}
static void exit_later(void) {
    struct itimerval soon = {{0, 0}, {0, 1000}};
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &soon, NULL);
}
static void *thread_exit(void *nothing) {
    (void)nothing;
    usleep(2000);
    _exit(0);
}
static void exit_in_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, thread_exit, NULL);
}

static void by_raise(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    raise(SIGTERM);
}

/* what is answered */
static void status_7(void) { answer = 7; }
static void status_declined(void) { answer = SKIFF_DECLINED; }
static void status_lowest(void) { answer = INT32_MIN; }

/* what is asked of the host, in mounts */
static skiff_mount good_mount(void) {
    skiff_mount mount;
    memset(&mount, 0, sizeof mount);
    mount.struct_size = sizeof mount;
    mount.kind = SKIFF_MOUNT_KIND_BIND;
    mount.group = SKIFF_MOUNT_GROUP_FILES;
    mount.source = "/etc/hostname";
    mount.destination = getenv("MISDEED_PLACE");
    return mount;
}
static void ask(const skiff_mount *mount) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    answer = plan->add_mount(command, mount);
}
static void ask_good(void) {
    skiff_mount mount = good_mount();
    ask(&mount);
}
static void ask_directory(void) {
    skiff_mount mount = good_mount();
    mount.kind = SKIFF_MOUNT_KIND_SESSION_DIRECTORY;
    mount.mode = 0755;
    ask(&mount);
}
static void ask_null(void) { ask(NULL); }
#define ASK(NAME, CHANGE) \
    static void ask_##NAME(void) { \
        struct { \
            skiff_mount known; \
            uint64_t more; \
        } large = {good_mount(), 0}; \
        skiff_mount *mount = &large.known; \
        CHANGE; \
        ask(mount); \
    }
ASK(size_0, mount->struct_size = 0)
ASK(size_huge, mount->struct_size = 65536)
ASK(newer, mount->struct_size = sizeof large; large.more = 1)
ASK(missing, mount->missing = 9)
ASK(kind, mount->kind = 77)
ASK(flags, mount->flags = 0x8000)
ASK(group, mount->group = 7)
ASK(source, mount->source = "/no/such/file")
ASK(no_destination, mount->destination = NULL)
static void tell_lines(void) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    plan->note(command, "a note\nmounts:\n  forged \033[2J\xe2\x80\xae");
    host->log(host, SKIFF_LOG_WARNING, "a line\nFATAL:   forged \033[2J\xc2\x9b");
    host->fail(host, SKIFF_E_INVALID, 0, "a failure\r\033[2J\nhint\nFATAL:   forged");
    answer = SKIFF_E_INVALID;
}
static void note_lines(void) {
    tell_lines();
    answer = SKIFF_OK;
}

/* what stays changed */
static void deed_umask(void) { umask(0777); }
static void deed_directory(void) {
    if (chdir("/usr") != 0) answer = SKIFF_E_SYSTEM;
}
static void deed_root(void) {
    if (chroot("/usr") != 0) answer = SKIFF_E_UNSUPPORTED;
}
static void deed_mask(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}
static void deed_ignore(void) {
    signal(SIGCHLD, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}
static void deed_handler(void) { signal(SIGTERM, on_alarm); }
static void deed_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 77;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &limit);
}
static void deed_hard_limit(void) {
    struct rlimit limit = {50, 50};
    setrlimit(RLIMIT_NOFILE, &limit);
}
static void deed_setenv(void) {
    setenv("LD_PRELOAD", "/evil.so", 1);
    setenv("PATH", "/evil", 1);
}
static void deed_putenv(void) {
    static char evil[] = "LD_LIBRARY_PATH=/evil";
    putenv(evil);
}
static void deed_clearenv(void) { clearenv(); }
static void deed_environment_bytes(void) {
    char *home = getenv("HOME");
    if (home && *home) *home = '_';
}
static void deed_securebits(void) {
    if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP) != 0) answer = SKIFF_E_UNSUPPORTED;
}
static void deed_dumpable(void) { prctl(PR_SET_DUMPABLE, 0); }
static void deed_subreaper(void) { prctl(PR_SET_CHILD_SUBREAPER, 1); }
static void deed_death_signal(void) { prctl(PR_SET_PDEATHSIG, 0); }
static void deed_keepcaps(void) { prctl(PR_SET_KEEPCAPS, 1); }
static void deed_personality(void) { personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC); }
static void deed_nice(void) { setpriority(PRIO_PROCESS, 0, 7); }
static void deed_batch(void) {
    struct sched_param none = {0};
    sched_setscheduler(0, SCHED_BATCH, &none);
}
static void deed_affinity(void) {
    cpu_set_t one, now;
    CPU_ZERO(&one);
    sched_getaffinity(0, sizeof now, &now);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &now)) {
            CPU_SET(i, &one);
            break;
        }
    sched_setaffinity(0, sizeof one, &one);
}
static void deed_capabilities(void) {
    struct { unsigned version; int pid; } header = {0x20080522, 0};
    unsigned none[6] = {0};
    syscall(SYS_capset, &header, none);
}
static void deed_bounding(void) {
    if (prctl(PR_CAPBSET_DROP, 21) != 0) answer = SKIFF_E_UNSUPPORTED;
}
static void deed_no_new_privs(void) { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
static void deed_seccomp(void) {
    struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {1, allow};
    deed_no_new_privs();
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
static void deed_keyring(void) { syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL); }
static void deed_alarm(void) { alarm(3600); }
static void deed_timer(void) {
    struct itimerval timer = {{1, 0}, {1, 0}};
    setitimer(ITIMER_PROF, &timer, NULL);
}
static void deed_stack(void) {
    static char room[65536];
    stack_t stack = {room, 0, sizeof room};
    sigaltstack(&stack, NULL);
}
static void deed_unshare(void) {
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) answer = SKIFF_E_UNSUPPORTED;
}
static void deed_unshare_uts(void) {
    if (unshare(CLONE_NEWUTS) != 0 && unshare(CLONE_NEWUSER) != 0) answer = SKIFF_E_UNSUPPORTED;
}
static void *thread_sleep(void *nothing) {
    sleep(60);
    return nothing;
}
static void deed_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, thread_sleep, NULL);
}
static void deed_child(void) {
    if (fork() == 0) {
        sleep(3);
        _exit(0);
    }
}
static void deed_zombie(void) {
    if (fork() == 0) _exit(0);
    usleep(20000);
}
static void deed_fork(void) { fork(); }
static void deed_session(void) { setsid(); }
static void deed_group(void) { setpgid(0, 0); }
static void deed_stdout(void) { dup2(open("/", O_RDONLY), 1); }
static void deed_close(void) {
    close(0);
    close(1);
    close(2);
}
static void deed_cloexec(void) { fcntl(1, F_SETFD, FD_CLOEXEC); }
static void deed_nonblock(void) { fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK); }
static void deed_locale(void) { setlocale(LC_ALL, "C.UTF-8"); }
static void deed_io_priority(void) { syscall(SYS_ioprio_set, 1, 0, 3 << 13); }
static void deed_name(void) { prctl(PR_SET_NAME, "kthreadd"); }
static void deed_slack(void) { prctl(PR_SET_TIMERSLACK, 77777777); }
static void deed_huge_pages(void) { prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }
static void deed_killing(void) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY);
    if (write(file, "900", 3) != 3) answer = SKIFF_E_SYSTEM;
    close(file);
}
static void deed_user(void) {
    if (setresuid(65534, 65534, 65534) != 0) answer = SKIFF_E_UNSUPPORTED;
    if (getuid() != 65534) answer = SKIFF_E_UNSUPPORTED;
}
static void deed_groups(void) {
    gid_t other = 12345;
    if (syscall(SYS_setgroups, 1, &other) != 0) answer = SKIFF_E_UNSUPPORTED;
}
static void deed_pending(void) {
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigprocmask(SIG_BLOCK, &some, NULL);
    raise(SIGUSR1);
}
static void deed_close_all(void) { syscall(SYS_close_range, 3, ~0u, 0); }
static void deed_no_write_execute(void) {
    if (prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) != 0) answer = SKIFF_E_UNSUPPORTED;
}
static void deed_print(void) {
    printf("printed against the rules\n");
    if (write(1, "written against the rules\n", 26) != 26) answer = SKIFF_E_SYSTEM;
}
static void deed_file_user(void) { setfsuid(65534); }
static void deed_open(void) {
    fcntl(open("/", O_RDONLY), F_DUPFD, 40);
    fcntl(open("/proc", O_PATH), F_DUPFD, 300);
}

static const struct deed {
    const char *name;
    void (*run)(void);
} deeds[] = {
    {"exit", by_exit}, {"_exit", by_bare_exit}, {"exit_group", by_system_call}, {"thread-end", by_thread_call},
    {"quick_exit", by_quick_exit}, {"pthread_exit", by_pthread_exit}, {"abort", by_abort}, {"kill", by_kill},
    {"segv", by_segv}, {"trap", by_trap}, {"divide", by_divide}, {"bus", by_bus}, {"overflow", by_overflow},
    {"ignored-segv", by_ignored_segv}, {"raise", by_raise}, {"loop", loop}, {"blocked-loop", blocked_loop}, {"atexit", at_exit},
    {"exit-later", exit_later}, {"thread-exit", exit_in_thread}, {"status-7", status_7},
    {"mount", ask_good}, {"mount-directory", ask_directory}, {"ask-null", ask_null}, {"ask-size-0", ask_size_0},
    {"ask-size-huge", ask_size_huge}, {"ask-newer", ask_newer}, {"ask-missing", ask_missing}, {"ask-kind", ask_kind},
    {"ask-flags", ask_flags}, {"ask-group", ask_group}, {"ask-source", ask_source},
    {"ask-no-destination", ask_no_destination}, {"lines", tell_lines}, {"note", note_lines},
    {"status-declined", status_declined}, {"status-lowest", status_lowest},
    {"umask", deed_umask}, {"directory", deed_directory}, {"root", deed_root}, {"mask", deed_mask}, {"ignore",
    deed_ignore}, {"handler", deed_handler}, {"limit", deed_limit}, {"hard-limit", deed_hard_limit}, {"setenv",
    deed_setenv}, {"putenv", deed_putenv}, {"clearenv", deed_clearenv}, {"environment-bytes",
    deed_environment_bytes}, {"securebits", deed_securebits}, {"dumpable", deed_dumpable}, {"subreaper",
    deed_subreaper}, {"death-signal", deed_death_signal}, {"keepcaps", deed_keepcaps}, {"personality",
    deed_personality}, {"nice", deed_nice}, {"batch", deed_batch}, {"affinity", deed_affinity}, {"capabilities",
    deed_capabilities}, {"bounding", deed_bounding}, {"no-new-privs", deed_no_new_privs}, {"seccomp",
    deed_seccomp}, {"keyring", deed_keyring}, {"alarm", deed_alarm}, {"timer", deed_timer}, {"stack", deed_stack},
    {"unshare", deed_unshare}, {"unshare-uts", deed_unshare_uts}, {"thread", deed_thread}, {"child", deed_child},
    {"zombie", deed_zombie}, {"fork", deed_fork}, {"session", deed_session}, {"group", deed_group}, {"stdout",
    deed_stdout}, {"close", deed_close}, {"cloexec", deed_cloexec}, {"nonblock", deed_nonblock}, {"locale",
    deed_locale}, {"io-priority", deed_io_priority}, {"name", deed_name}, {"slack", deed_slack}, {"huge-pages",
    deed_huge_pages}, {"killing", deed_killing}, {"user", deed_user}, {"groups", deed_groups}, {"open", deed_open}, {"pending", deed_pending}, {"close-all", deed_close_all},
    {"no-write-execute", deed_no_write_execute}, {"print", deed_print}, {"file-user", deed_file_user},
};

static int32_t at(const char *station) {
    const char *wish = getenv("MISDEED"), *where = wish ? strchr(wish, '@') : NULL;
    answer = SKIFF_OK;
    if (!where || strcmp(where + 1, station) != 0) return SKIFF_OK;
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
        if (strlen(deeds[i].name) == (size_t)(where - wish) && strncmp(deeds[i].name, wish, (size_t)(where - wish)) == 0) {
            deeds[i].run();
            return answer;
        }
    host->fail(host, SKIFF_E_INVALID, 0, "no such misdeed");
    return SKIFF_E_INVALID;
}

__attribute__((constructor)) static void constructor(void) { at("load"); }

static int32_t on_misdeed(skiff_session *session, int32_t on) {
    (void)session, (void)on;
    return at("--misdeed");
}

static int32_t on_command(skiff_session *session, const char *const *words, uint64_t count) {
    (void)session, (void)words, (void)count;
    printf("printed by the command\n");
    return at("misdeed");
}

#define PHASE(NAME) \
    static int32_t NAME(const skiff_plugin *self, skiff_session *session) { \
        (void)self; \
        command = session; \
        return at(#NAME); \
    }
PHASE(configure)
PHASE(prepare)
PHASE(mounts)
PHASE(environment)
PHASE(entered)
PHASE(pre_exec)
#ifndef IN_PLACE
#define ID "org.test.misdeed"
static int32_t started(const skiff_plugin *self, skiff_session *session, int32_t pid, int32_t pidfd) {
    (void)self, (void)session, (void)pid, (void)pidfd;
    return at("started");
}
static int32_t stopped(const skiff_plugin *self, skiff_session *session, int32_t status) {
    (void)self, (void)session, (void)status;
    return at("stopped");
}
#else
/* Without these two, the process of the plugin becomes the program where it can. */
#define ID "org.test.in-place"
#define started NULL
#define stopped NULL
#endif
static const skiff_phases phases = {sizeof phases, 0, configure, prepare, mounts, environment, entered, pre_exec,
                                    started, stopped};
static const skiff_handler handlers[] = {
    {"misdeed", "i:cb", (skiff_any_fn)on_misdeed, 0},
    {"command", "i:cS", (skiff_any_fn)on_command, 0},
};
static const skiff_cli cli = {sizeof cli, sizeof handlers / sizeof *handlers, handlers, sizeof *handlers};

static int32_t init(const skiff_plugin *self) {
    (void)self;
    return at("init");
}
static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    at("get_extension");
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    return strcmp(id, SKIFF_EXT_CLI) == 0 ? &cli : NULL;
}

static const skiff_plugin plugin = {sizeof plugin, SKIFF_ABI_CURRENT, ID, "Misdeed", "1.0", "Apache-2.0",
                                    NULL, init, NULL, get_extension};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t host_abi, const skiff_host *given, const skiff_plugin **out) {
    (void)host_abi;
    host = given;
    *out = &plugin;
    return at("entry");
}
