// Tries to get out of a container as a program with all capabilities of its user namespace can, and tells as key=value lines
// what came of it. What must not be reached is named; what is reached to prove that an attempt works is a child of its own.
//
//   attack reach [FILE]              every process that /proc shows: reached=PID:NAME:WAY,WAY ...
//   attack watch SECONDS             the same again and again, for processes that come and go
//   attack control                   the same attempts at a child of this program: works=WAY,WAY ...
//   attack join PID UID GID TARGET.. first enters the user namespace of PID as UID
//   attack holds                     what this process holds: descriptors, root, directory
//   attack landlock DIRECTORY        makes and changes files after it has given up the right to
//   attack block                     a FUSE file system that does not answer, and who waits for it
//   attack hold TEXT                 keeps 4 MiB with a text and says where: PID ADDRESS
//   attack copy PID ADDRESS          reads what another one holds: copied TEXT, or refused: REASON
//   attack signal NUMBER NAME        a signal for the processes with this name that belong to this launch
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static void result(const char *key, long value) { printf("%s=%s\n", key, value < 0 ? strerrorname_np(errno) : "0"); }

// MARK: ways to another process. 1 for success.

static int opens(int pid, const char *name, int flags)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static int by_root(int pid) { return opens(pid, "root", O_PATH) || opens(pid, "root/.", O_RDONLY); }
static int by_directory(int pid) { return opens(pid, "cwd", O_PATH) || opens(pid, "cwd/..", O_RDONLY); }
static int by_program(int pid) { return opens(pid, "exe", O_PATH); }
static int by_memory(int pid) { return opens(pid, "mem", O_RDWR) || opens(pid, "mem", O_RDONLY); }
static int by_environment(int pid) { return opens(pid, "environ", O_RDONLY) || opens(pid, "auxv", O_RDONLY); }

// Those of a kernel thread are empty, and who owns a process may open the directory without seeing anything in it.
static int by_maps(int pid)
{
    char path[60], byte;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC), found = fd >= 0 && read(fd, &byte, 1) > 0;
    if (fd >= 0) close(fd);
    snprintf(path, sizeof path, "/proc/%d/map_files", pid);
    DIR *files = found ? NULL : opendir(path);
    struct dirent *entry;
    while (files && !found && (entry = readdir(files))) found = entry->d_name[0] != '.';
    if (files) closedir(files);
    return found;
}

static int by_descriptors(int pid)
{
    char name[40];
    for (int number = 0; number < 256; number++) {
        snprintf(name, sizeof name, "fd/%d", number);
        if (opens(pid, name, O_PATH)) return 1;
    }
    return opens(pid, "fdinfo/0", O_RDONLY);
}

static int by_threads(int pid)
{
    char name[60];
    const char *parts[] = {"root", "cwd", "fd/0", "ns/mnt"};
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "task/%d/%s", pid, parts[i]);
        if (opens(pid, name, O_PATH)) return 1;
    }
    return 0;
}

static int by_namespaces(int pid)
{
    const char *names[] = {"ns/mnt", "ns/user", "ns/pid", "ns/net", "ns/ipc", "ns/uts", "ns/cgroup"};
    for (int i = 0; i < 7; i++)
        if (opens(pid, names[i], O_RDONLY)) return 1;
    return 0;
}

static int by_seizing(int pid)
{
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0) return 0;
    ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    waitpid(pid, NULL, __WALL);
    ptrace(PTRACE_DETACH, pid, 0, 0);
    return 1;
}

static int by_attaching(int pid)
{
    if (ptrace(PTRACE_ATTACH, pid, 0, 0) != 0) return 0;
    waitpid(pid, NULL, __WALL);
    ptrace(PTRACE_DETACH, pid, 0, 0);
    return 1;
}

// An address where nothing is: EFAULT comes after the question whether we may.
static int by_reading(int pid)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)16, 1};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT;
}

static int by_writing(int pid)
{
    char byte = 0;
    struct iovec here = {&byte, 1}, there = {(void *)16, 1};
    return process_vm_writev(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT;
}

static int by_pidfd(int pid)
{
    int handle = (int)syscall(SYS_pidfd_open, pid, 0), found = 0;
    if (handle < 0) return 0;
    for (int number = 0; number < 256 && !found; number++) {
        int fd = (int)syscall(SYS_pidfd_getfd, handle, number, 0);
        found = fd >= 0 || errno == EBADF;
        if (fd >= 0) close(fd);
    }
    close(handle);
    return found;
}

// In a process of its own: it would take us there.
static int by_joining(int pid)
{
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    if (handle < 0) return 0;
    int found = 0, kinds[] = {CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUSER | CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET};
    for (int i = 0; i < 5 && !found; i++) {
        fflush(stdout);
        int child = fork(), status = 0;
        if (child == 0) _exit(setns(handle, kinds[i]) == 0 || (errno != EPERM && errno != ESRCH));
        waitpid(child, &status, 0);
        found = WIFEXITED(status) && WEXITSTATUS(status) == 1;
    }
    close(handle);
    return found;
}

// KCMP_FILE of linux/kcmp.h.
static int by_comparing(int pid) { return syscall(SYS_kcmp, getpid(), pid, 0, 0L, 0L) >= 0 || errno == EBADF; }

static int by_futexes(int pid)
{
    void *head;
    size_t size;
    return syscall(SYS_get_robust_list, pid, &head, &size) == 0;
}

static const struct {
    const char *name;
    int (*attempt)(int pid);
} ways[] = {
    {"root", by_root}, {"cwd", by_directory}, {"exe", by_program}, {"mem", by_memory}, {"environ", by_environment},
    {"maps", by_maps}, {"fd", by_descriptors}, {"task", by_threads}, {"ns", by_namespaces}, {"seize", by_seizing},
    {"attach", by_attaching}, {"readv", by_reading}, {"writev", by_writing}, {"pidfd", by_pidfd}, {"setns", by_joining},
    {"kcmp", by_comparing}, {"futex", by_futexes},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static int try_all(int pid, char *out, size_t size)
{
    int count = 0;
    out[0] = 0;
    for (int i = 0; i < WAYS; i++) {
        if (!ways[i].attempt(pid)) continue;
        if (count++) strncat(out, ",", size - strlen(out) - 1);
        strncat(out, ways[i].name, size - strlen(out) - 1);
    }
    return count;
}

// The name and the state, of which Z holds nothing and belongs to nobody any more.
static char describe(int pid, char *name, size_t size)
{
    char path[60], line[600];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    if (fd >= 0) close(fd);
    if (count <= 0) return 'Z';
    line[count] = 0;
    char *start = strchr(line, '('), *end = strrchr(line, ')');
    if (!start || !end || strlen(end) < 3) return 'Z';
    *end = 0;
    snprintf(name, size, "%s", start + 1);
    return end[2];
}

static int scan(const char *mark, int *seen)
{
    int found = 0;
    DIR *all = opendir("/proc");
    struct dirent *entry;
    while (all && (entry = readdir(all))) {
        int pid = atoi(entry->d_name);
        char name[64] = "?", reached[300], path[600];
        if (pid <= 0 || pid == getpid() || describe(pid, name, sizeof name) == 'Z') continue;
        ++*seen;
        if (try_all(pid, reached, sizeof reached) && describe(pid, name, sizeof name) != 'Z')
            printf("%s%d:%s:%s", found++ ? " " : "reached=", pid, name, reached);
        snprintf(path, sizeof path, "/proc/%d/root%s", pid, mark);
        struct stat facts;
        if (mark[0] && stat(path, &facts) == 0) printf("%s%d:%s:file", found++ ? " " : "reached=", pid, name);
    }
    if (all) closedir(all);
    return found;
}

static int reach(const char *mark)
{
    int seen = 0;
    if (scan(mark, &seen) == 0) printf("reached=");
    printf("\nseen=%d\nnnp=%d\n", seen, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return 0;
}

static int watch(int seconds)
{
    int seen = 0, found = 0;
    time_t end = time(NULL) + seconds;
    while (time(NULL) < end && !found) found = scan("", &seen);
    if (!found) printf("reached=");
    printf("\nseen=%d\n", seen);
    return 0;
}

static int control(void)
{
    int child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    char works[300];
    try_all(child, works, sizeof works);
    printf("works=%s\nways=", works);
    for (int i = 0; i < WAYS; i++) printf("%s%s", i ? "," : "", ways[i].name);
    putchar('\n');
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}

static int join(char **words, int count)
{
    char path[60], reached[300], name[64];
    snprintf(path, sizeof path, "/proc/%s/ns/user", words[0]);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    if (space < 0) return perror(path), 2;
    if (setresgid(atoi(words[2]), atoi(words[2]), atoi(words[2])) || setresuid(atoi(words[1]), atoi(words[1]), atoi(words[1])))
        return perror("become the user"), 2;
    if (setns(space, CLONE_NEWUSER)) return perror("join"), 2;
    int found = 0;
    for (int i = 3; i < count; i++) {
        int pid = atoi(words[i]);
        if (describe(pid, name, sizeof name) == 'Z') return fprintf(stderr, "%d has ended\n", pid), 2;
        if (try_all(pid, reached, sizeof reached)) printf("%s%d:%s:%s", found++ ? " " : "reached=", pid, name, reached);
    }
    if (!found) printf("reached=");
    printf("\nseen=%d\n", count - 3);
    return 0;
}

static int holds(void)
{
    char path[300], target[4000];
    const char *links[] = {"root", "cwd", "exe"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/proc/self/%s", links[i]);
        ssize_t length = readlink(path, target, sizeof target - 1);
        printf("%s=%.*s\n", links[i], (int)(length < 0 ? 0 : length), target);
    }
    snprintf(path, sizeof path, "/proc/%d/exe", getppid());
    ssize_t size = readlink(path, target, sizeof target - 1);
    printf("parent=%.*s\n", (int)(size < 0 ? 0 : size), target);
    DIR *all = opendir("/proc/self/fd");
    struct dirent *entry;
    while (all && (entry = readdir(all))) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(all)) continue;
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        printf("fd%s=%.*s\n", entry->d_name, (int)(length < 0 ? 0 : length), target);
    }
    return 0;
}

// MARK: what a process forbids itself

static int landlock(const char *directory)
{
    struct landlock_ruleset_attr rules = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR
            | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK
            | LANDLOCK_ACCESS_FS_MAKE_FIFO};
    char path[300];
    if (chdir(directory) != 0) return perror(directory), 2;
    close(open("there", O_CREAT | O_WRONLY, 0644));
    result("before.chown", chown("there", 3, 4));
    int set = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (set < 0 || syscall(SYS_landlock_restrict_self, set, 0) != 0) return perror("landlock"), 2;
    result("node", mknod("node", S_IFCHR | 0600, 0x103));
    result("nodeat", mknodat(AT_FDCWD, "nodeat", S_IFBLK | 0600, 0x801));
    result("chown", chown("there", 5, 6));
    setgid(5);
    setuid(5);
    result("open", open("file", O_CREAT | O_WRONLY, 0644));
    result("mkdir", mkdir("directory", 0755));
    result("symlink", symlink("x", "link"));
    result("fifo", mkfifo("pipe", 0644));
    // A child, and what it executes, has the same rules.
    int child = fork();
    if (child == 0) {
        snprintf(path, sizeof path, "%s/child", directory);
        result("child", mkdir(path, 0755));
        fflush(stdout);
        execl("/proc/self/exe", "attack", "make", "executed", (char *)NULL);
        _exit(2);
    }
    waitpid(child, NULL, 0);
    return 0;
}

// MARK: who does not answer

static int mount_deaf(void)
{
    char options[200], buffer[200000];
    int device = open("/dev/fuse", O_RDWR);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
    if (device < 0 || mount("deaf", "/mnt", "fuse", 0, options) != 0) return -1;
    ssize_t count = read(device, buffer, sizeof buffer);
    if (count < (ssize_t)sizeof(struct fuse_in_header)) return -1;
    struct {
        struct fuse_out_header head;
        struct fuse_init_out init;
    } answer = {.head = {.len = sizeof answer, .unique = ((struct fuse_in_header *)buffer)->unique},
                .init = {.major = 7, .minor = 31, .max_write = 4096}};
    return write(device, &answer, sizeof answer) == sizeof answer ? device : -1;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int block(void)
{
    if (mount_deaf() < 0) return perror("fuse"), 2;
    int callers[8];
    for (int i = 0; i < 8; i++) {
        callers[i] = fork();
        if (callers[i] == 0) {
            char path[40];
            snprintf(path, sizeof path, "/mnt/%d", i);
            // Calls that skiff-root answers, for every kind of root: a lock of the kernel held by one of its own calls would
            // keep the others from ending, whoever is killed.
            if (i % 2) mknod(path, S_IFCHR | 0600, 0x103);
            else setxattr(path, "trusted.x", "x", 1, 0);
            _exit(0);
        }
    }
    usleep(300000);
    // Others are answered meanwhile.
    double start = now();
    close(open("/tmp/free", O_CREAT | O_WRONLY, 0644));
    for (int i = 0; i < 100; i++)
        if (chown("/tmp/free", i, i) != 0) return perror("chown"), 2;
    printf("others=%s\n", now() - start < 5 ? "answered" : "delayed");
    // A caller that is killed ends, however deaf the server.
    start = now();
    for (int i = 0; i < 4; i++) {
        kill(callers[i], SIGKILL);
        waitpid(callers[i], NULL, 0);
    }
    printf("killed=%s\n", now() - start < 5 ? "ended" : "delayed");
    fflush(stdout);
    // The rest lives on with the device, and its output closed: the command must end all the same.
    if (fork() == 0) {
        for (int fd = 0; fd < 3; fd++) close(fd);
        sleep(6);
        for (int i = 4; i < 8; i++) kill(callers[i], SIGKILL);
        _exit(0);
    }
    _exit(0);
}

static int parent_of(int pid)
{
    char path[60], line[600];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC), parent = 0;
    ssize_t count = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    if (fd >= 0) close(fd);
    if (count <= 0) return 0;
    line[count] = 0;
    char *end = strrchr(line, ')');
    return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

// Of what our launch has started, and of what that has started: others of the same name are somebody else's.
static int send_signal(int number, const char *wanted)
{
    int sent = 0, launch = getppid();
    char above[64];
    while (launch > 1 && describe(launch, above, sizeof above) != 'Z' && strcmp(above, "skiff") != 0)
        launch = parent_of(launch);
    DIR *all = opendir("/proc");
    struct dirent *entry;
    char name[64];
    while (all && (entry = readdir(all))) {
        int pid = atoi(entry->d_name), parent = pid > 0 ? parent_of(pid) : 0;
        if (parent <= 1 || pid == getpid()) continue;
        if (parent != launch && parent_of(parent) != launch) continue;
        if (describe(pid, name, sizeof name) == 'Z' || strcmp(name, wanted) != 0) continue;
        if (kill(pid, number) == 0) sent++;
    }
    // What stdio and exit(3) ask, nobody may answer any more.
    dprintf(1, "sent=%d\n", sent);
    _exit(0);
}

/* 4 MiB, as an MPI library sends a large message. */
static char message[4 << 20];

/* Says where the message lies, and waits to be read. */
static int hold(const char *text)
{
    snprintf(message, sizeof message, "%s", text);
    message[sizeof message - 1] = 1;
    printf("%d %p\n", getpid(), (void *)message);
    fflush(stdout);
    sleep(20);
    return 0;
}

/* Reads the message of a neighbour in one copy. */
static int copy(pid_t process, void *place)
{
    static char found[sizeof message];
    struct iovec here = {found, sizeof found}, there = {place, sizeof found};
    ssize_t length = process_vm_readv(process, &here, 1, &there, 1, 0);
    if (length == (ssize_t)sizeof found && found[sizeof found - 1] == 1)
        printf("copied %s\n", found);
    else
        printf("refused: %s\n", strerror(errno));
    return 0;
}

int main(int count, char **words)
{
    const char *verb = count > 1 ? words[1] : "";
    if (strcmp(verb, "reach") == 0) return reach(count > 2 ? words[2] : "");
    if (strcmp(verb, "watch") == 0 && count > 2) return watch(atoi(words[2]));
    if (strcmp(verb, "control") == 0) return control();
    if (strcmp(verb, "join") == 0 && count > 5) return join(words + 2, count - 2);
    if (strcmp(verb, "holds") == 0) return holds();
    if (strcmp(verb, "landlock") == 0 && count > 2) return landlock(words[2]);
    if (strcmp(verb, "make") == 0 && count > 2) return result(words[2], mkdir(words[2], 0755)), 0;
    if (strcmp(verb, "hold") == 0 && count > 2) return hold(words[2]);
    if (strcmp(verb, "copy") == 0 && count > 3)
        return copy(atoi(words[2]), (void *)strtoul(words[3], NULL, 16));
    if (strcmp(verb, "block") == 0) return block();
    if (strcmp(verb, "signal") == 0 && count > 3) return send_signal(atoi(words[2]), words[3]);
    fputs("usage: see the top of attack.c\n", stderr);
    return 2;
}
