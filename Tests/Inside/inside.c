// Tells, as key=value lines, what a program sees inside a container. Static, so that it runs in an empty image.
//
//   inside [SECTION...]   ids namespaces mounts environment descriptors limits process arguments; all without a word
//   inside exit N | signal N | stop | sleep SECONDS | read PATH | write PATH TEXT | stat PATH
//   inside without NUMBER PROGRAM [ARGUMENT...]   the program, for which that system call does not exist
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

// One line: a line feed inside the value becomes a backslash and an n.
static void tell(const char *key, const char *value)
{
    printf("%s=", key);
    for (; *value; value++) {
        if (*value == '\n')
            fputs("\\n", stdout);
        else
            putchar(*value);
    }
    putchar('\n');
}

static void tell_number(const char *key, long value) { printf("%s=%ld\n", key, value); }

static void tell_link(const char *key, const char *path)
{
    char target[4096];
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) {
        tell(key, strerror(errno));
        return;
    }
    target[length] = 0;
    tell(key, target);
}

// Lines of a file under numbered keys, whitespace at the line's end dropped.
static void tell_lines(const char *key, const char *path)
{
    char name[64], line[8192];
    FILE *file = fopen(path, "r");
    if (!file) {
        tell(key, strerror(errno));
        return;
    }
    for (int number = 0; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\n")] = 0;
        snprintf(name, sizeof name, "%s.%d", key, number);
        tell(name, line);
    }
    fclose(file);
}

// The fields of /proc/self/status that tell privileges.
static void tell_status(void)
{
    static const char *const wanted[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
        "Threads", "Umask", "SigBlk", "SigIgn", "SigCgt" };
    char line[1024], key[1040];
    FILE *file = fopen("/proc/self/status", "r");
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = 0;
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (!strcmp(line, wanted[i])) {
                char *value = colon + 1 + strspn(colon + 1, " \t");
                value[strcspn(value, "\n")] = 0;
                snprintf(key, sizeof key, "status.%s", line);
                tell(key, value);
            }
    }
    fclose(file);
}

static void ids(void)
{
    gid_t groups[256];
    int count = getgroups(256, groups);
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    getresuid(&real, &effective, &saved);
    getresgid(&real_group, &effective_group, &saved_group);
    printf("uid=%d,%d,%d\ngid=%d,%d,%d\ngroups=", real, effective, saved, real_group, effective_group, saved_group);
    for (int i = 0; i < count; i++)
        printf(i ? ",%d" : "%d", groups[i]);
    putchar('\n');
    tell_lines("uid_map", "/proc/self/uid_map");
    tell_lines("gid_map", "/proc/self/gid_map");
    tell_number("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    tell_status();
}

static void namespaces(void)
{
    static const char *const kinds[] = { "user", "mnt", "pid", "ipc", "uts", "net", "cgroup", "time" };
    char key[32], path[64];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(key, sizeof key, "ns.%s", kinds[i]);
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
        tell_link(key, path);
    }
}

static void environment(void)
{
    for (char **entry = environ; *entry; entry++) {
        char *equals = strchr(*entry, '=');
        if (!equals)
            continue;
        printf("env.%.*s=", (int)(equals - *entry), *entry);
        for (char *c = equals + 1; *c; c++) {
            if (*c == '\n')
                fputs("\\n", stdout);
            else
                putchar(*c);
        }
        putchar('\n');
    }
}

static void descriptors(void)
{
    char key[32], path[64];
    for (int fd = 0; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        snprintf(key, sizeof key, "fd.%d", fd);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        tell_link(key, path);
    }
}

static void limits(void)
{
    static const char *const names[] = { "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock",
        "as", "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime" };
    for (int i = 0; i < 16; i++) {
        struct rlimit limit;
        if (!getrlimit(i, &limit))
            printf("limit.%s=%lu,%lu\n", names[i], (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
    }
}

static void process(void)
{
    struct utsname system;
    char path[4096];
    mode_t mask = umask(0);
    umask(mask);
    tell_number("pid", getpid());
    tell_number("ppid", getppid());
    tell_number("pgid", getpgid(0));
    tell_number("sid", getsid(0));
    printf("umask=%04o\n", mask);
    tell("cwd", getcwd(path, sizeof path) ? path : strerror(errno));
    if (!uname(&system))
        tell("hostname", system.nodename);
    for (int fd = 0; fd < 3; fd++) {
        char key[16];
        snprintf(key, sizeof key, "tty.%d", fd);
        tell(key, isatty(fd) ? "yes" : "no");
    }
    tell_number("foreground", tcgetpgrp(0) == getpgrp());
}

static int fail(const char *what)
{
    printf("errno=%d\nerror=%s: %s\n", errno, what, strerror(errno));
    return 1;
}

static int read_file(const char *path)
{
    char buffer[65536];
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return fail(path);
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) != 0;) {
        if (got < 0)
            return fail(path);
        if (fwrite(buffer, 1, (size_t)got, stdout) != (size_t)got)
            return 1;
    }
    return 0;
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return fail(path);
    return close(fd) ? fail(path) : 0;
}

static int stat_file(const char *path)
{
    struct stat found;
    if (lstat(path, &found))
        return fail(path);
    printf("mode=%o\nuid=%d\ngid=%d\nsize=%lld\nlinks=%ld\n", found.st_mode, found.st_uid, found.st_gid,
        (long long)found.st_size, (long)found.st_nlink);
    return 0;
}

static int without(unsigned number, char **program)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof rules / sizeof *rules, rules };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        return fail("seccomp");
    execv(program[0], program);
    return fail(program[0]);
}

static int act(int count, char **words)
{
    if (count >= 3 && !strcmp(words[0], "without"))
        return without((unsigned)atoi(words[1]), words + 2);
    if (count == 2 && !strcmp(words[0], "exit"))
        return atoi(words[1]);
    if (count == 2 && !strcmp(words[0], "signal")) {
        fflush(stdout);
        signal(atoi(words[1]), SIG_DFL);
        raise(atoi(words[1]));
        return 99;
    }
    if (count == 2 && !strcmp(words[0], "sleep")) {
        tell("state", "sleeping");
        fflush(stdout);
        sleep((unsigned)atoi(words[1]));
        return 0;
    }
    if (count == 2 && !strcmp(words[0], "read"))
        return read_file(words[1]);
    if (count == 3 && !strcmp(words[0], "write"))
        return write_file(words[1], words[2]);
    if (count == 2 && !strcmp(words[0], "stat"))
        return stat_file(words[1]);
    return -1;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } sections[] = { { "ids", ids }, { "namespaces", namespaces }, { "environment", environment },
        { "descriptors", descriptors }, { "limits", limits }, { "process", process } };
    int done = act(argc - 1, argv + 1);
    if (done >= 0)
        return done;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        int is_wanted = argc == 1;
        for (int word = 1; word < argc; word++)
            is_wanted |= !strcmp(argv[word], sections[i].name);
        if (is_wanted)
            sections[i].print();
    }
    for (int word = 1; word < argc || argc == 1; word++) {
        if (argc == 1 || !strcmp(argv[word], "mounts"))
            tell_lines("mount", "/proc/self/mountinfo");
        if (argc == 1)
            break;
        if (!strcmp(argv[word], "arguments"))
            for (int i = word + 1; i < argc; i++)
                printf("argument.%d=%s\n", i - word - 1, argv[i]);
    }
    return 0;
}
