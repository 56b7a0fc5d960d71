// Asks for what only root may do, in ways that no ordinary program combines, and tells as key=value lines what came of it.
//
//   emulated ids | make DIRECTORY | attributes DIRECTORY | capability FILE | wrong | escape FILE | as UID GID PROGRAM... | race DIRECTORY FILE
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void number(const char *key, long value) { printf("%s=%ld\n", key, value); }

// 0, or the name of the error.
static void result(const char *key, long value) { printf("%s=%s\n", key, value < 0 ? strerrorname_np(errno) : "0"); }

static void owner(const char *key, const char *path)
{
    struct stat facts;
    if (lstat(path, &facts) != 0) {
        result(key, -1);
        return;
    }
    printf("%s=%u:%u:%o\n", key, facts.st_uid, facts.st_gid, facts.st_mode);
}

#ifdef __x86_64__
static long call32(long name, long a, long b, long c)
{
    long value;
    __asm__ volatile("int $0x80" : "=a"(value) : "a"(name), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
    return value;
}
#endif

static void show_ids(const char *key)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    getresuid(&r, &e, &s);
    getresgid(&rg, &eg, &sg);
    gid_t groups[32];
    int count = getgroups(32, groups);
    printf("%s=%u,%u,%u %u,%u,%u %u,%u,%u,%u", key, r, e, s, rg, eg, sg, getuid(), geteuid(), getgid(), getegid());
    for (int i = 0; i < count; i++) printf(" %u", groups[i]);
    putchar('\n');
}

static int ids(void)
{
    show_ids("start");
    gid_t groups[] = {5, 70000};
    result("setgroups", setgroups(2, groups));
    result("setresgid", setresgid(8, 9, 10));
    result("seteuid", seteuid(1000));
    show_ids("lowered");
    result("lowered.setgroups", setgroups(0, groups));
    result("seteuid.back", seteuid(0));
    struct rlimit limit = {1, 1};
    result("limit", setrlimit(10, &limit));
    getrlimit(10, &limit);
    number("limit.unlimited", limit.rlim_cur == RLIM_INFINITY);
    result("setresuid", setresuid(1000, 1001, 1002));
    show_ids("dropped");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        // The parent of an orphan is somebody else; what it inherited is not.
        if (fork() == 0) {
            usleep(50000);
            show_ids("grandchild");
            fflush(stdout);
            _exit(0);
        }
        _exit(0);
    }
    waitpid(child, 0, 0);
    usleep(200000);
    result("dropped.setuid", setuid(0));
    result("dropped.chown", chown("/", 5, 5));
    result("dropped.mknod", mknod("/dropped", S_IFCHR | 0600, makedev(1, 3)));
#ifdef __x86_64__
    number("i386.getuid32", call32(199, 0, 0, 0));
    number("i386.geteuid32", call32(201, 0, 0, 0));
    number("i386.getuid16", call32(24, 0, 0, 0));
    number("i386.setuid32", call32(213, 0, 0, 0));
#endif
    return 0;
}

static int make(const char *directory)
{
    char path[4096];
    if (chdir(directory) != 0) return 1;
    setfsgid(8);
    setfsuid(7);
    umask(027);
    int fd = open("file", O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0666);
    result("open", fd);
    number("cloexec", fcntl(fd, F_GETFD));
    number("written", write(fd, "x", 1));
    owner("file", "file");
    fd = open(".", O_TMPFILE | O_RDWR, 0644);
    result("tmpfile", fd);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    result("linkat", linkat(AT_FDCWD, path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
    owner("linked", "linked");
    result("mkdir", mkdir("directory/", 0777));
    owner("directory", "directory");
    result("symlink", symlink("file", "link"));
    owner("link", "link");
    result("mkfifo", mkfifo("pipe", 0666));
    owner("pipe", "pipe");
    result("again", open("file", O_CREAT | O_EXCL | O_WRONLY, 0600));
    result("existing", open("link", O_CREAT | O_WRONLY | O_TRUNC, 0600));
    struct statx facts;
    statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &facts);
    printf("statx=%u:%u\n", facts.stx_uid, facts.stx_gid);
    setfsuid(0);
    result("empty", fchownat(fd, "", 33, 34, AT_EMPTY_PATH));
    owner("emptied", "linked");
    result("proc", chown(path, 35, -1));
    owner("proced", "linked");
    int here = open(".", O_RDONLY | O_DIRECTORY);
    result("relative", fchownat(here, "../" , -1, 77, 0));
    owner("parent", "..");
    result("device", mknodat(here, "null", S_IFCHR | 0666, makedev(1, 3)));
    struct stat seen;
    stat("null", &seen);
    printf("null=%o:%u,%u\n", seen.st_mode, major(seen.st_rdev), minor(seen.st_rdev));
#ifdef __x86_64__
    // A path and a structure below 4 GiB, for the 32-bit interface.
    char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    strcpy(low, "file");
    number("i386.chown32", call32(212, (long)low, 55, 56));
    number("i386.stat64", call32(195, (long)low, (long)low + 512, 0));
    printf("i386.shown=%u:%u\n", *(uint32_t *)(low + 512 + 24), *(uint32_t *)(low + 512 + 28));
    number("i386.chown16", call32(182, (long)low, 0xFFFF, 57));
    owner("i386.owner", "file");
#endif
    return 0;
}

static int compare(const void *one, const void *other) { return strcmp(*(char *const *)one, *(char *const *)other); }

// The names that a list holds, sorted, but for the label that a security module gave.
static void names(const char *key, const char *list, ssize_t size)
{
    const char *found[32];
    size_t count = 0;
    if (size < 0) {
        result(key, size);
        return;
    }
    for (const char *name = list; name < list + size && count < 32; name += strlen(name) + 1)
        if (strcmp(name, "security.selinux") != 0) found[count++] = name;
    qsort(found, count, sizeof *found, compare);
    printf("%s=", key);
    for (size_t i = 0; i < count; i++) printf("%s%s", i == 0 ? "" : " ", found[i]);
    putchar('\n');
}

static void value(const char *key, const char *bytes, ssize_t size)
{
    if (size < 0)
        result(key, size);
    else
        printf("%s=%.*s\n", key, (int)size, bytes);
}

struct arguments {
    uint64_t value __attribute__((aligned(8)));
    uint32_t size;
    uint32_t flags;
};

// setxattr(2) and its family, in all forms.
static int attributes(const char *directory)
{
    static char space[70000];
    char path[64];
    if (chdir(directory) != 0) return 1;
    close(open("f", O_CREAT | O_WRONLY, 0644));
    symlink("f", "l");
    symlink("none", "dangling");
    mkfifo("p", 0644);
    mkdir("d", 0755);
    result("chown", chown("f", 3, 4));
    result("chown.link", lchown("l", 5, 6));
    names("none", space, listxattr("f", space, sizeof space));
    names("none.link", space, llistxattr("l", space, sizeof space));
    result("none.capability", lgetxattr("l", "security.capability", space, sizeof space));
    result("none.uncap", lremovexattr("l", "security.capability"));
    result("replace.none", setxattr("f", "trusted.a", "1", 1, XATTR_REPLACE));
    result("create", setxattr("f", "trusted.a", "one", 3, XATTR_CREATE));
    result("create.again", setxattr("f", "trusted.a", "x", 1, XATTR_CREATE));
    result("replace", setxattr("f", "trusted.a", "other", 5, XATTR_REPLACE));
    result("flags", setxattr("f", "trusted.a", "x", 1, 8));
    result("user", setxattr("f", "user.b", "2", 1, 0));
    value("get", space, getxattr("f", "trusted.a", space, sizeof space));
    value("get.link", space, getxattr("l", "trusted.a", space, sizeof space));
    value("get.itself", space, lgetxattr("l", "trusted.a", space, sizeof space));
    number("get.size", getxattr("f", "trusted.a", 0, 0));
    result("get.short", getxattr("f", "trusted.a", space, 2));
    result("get.fault", syscall(SYS_getxattr, "f", "trusted.a", 8, 5));
    result("get.none", getxattr("f", "trusted.none", space, sizeof space));
    result("get.alone", getxattr("f", "trusted.", space, sizeof space));
    result("set.alone", setxattr("f", "trusted.", "x", 1, 0));
    result("set.fault", syscall(SYS_setxattr, "f", "trusted.a", 8, 5, 0));
    result("set.large", setxattr("f", "trusted.a", space, 65537, 0));
    result("name.empty", setxattr("f", "", "x", 1, 0));
    memset(space, 'a', 300);
    memcpy(space, "trusted.", 8);
    space[300] = 0;
    result("name.long", setxattr("f", space, "x", 1, 0));
    names("list", space, listxattr("f", space, sizeof space));
    number("list.size", listxattr("f", 0, 0));
    result("list.short", listxattr("f", space, 5));
    result("missing.set", setxattr("none", "trusted.a", "x", 1, 0));
    result("missing.get", getxattr("dangling", "trusted.a", space, 1));
    result("missing.list", listxattr("none", space, 1));
    result("missing.remove", removexattr("dangling", "trusted.a"));
    result("empty", setxattr("d", "trusted.empty", 0, 0, 0));
    number("empty.size", getxattr("d", "trusted.empty", space, sizeof space));
    names("directory", space, listxattr("d", space, sizeof space));
    result("link.set", lsetxattr("l", "trusted.own", "mine", 4, 0));
    value("link.get", space, lgetxattr("l", "trusted.own", space, sizeof space));
    names("link.list", space, llistxattr("l", space, sizeof space));
    result("link.remove", lremovexattr("l", "trusted.own"));
    result("link.user", lsetxattr("l", "user.own", "mine", 4, 0));
    result("pipe.set", setxattr("p", "trusted.own", "mine", 4, 0));
    int fd = open("f", O_RDONLY);
    result("open.set", fsetxattr(fd, "trusted.c", "3", 1, 0));
    value("open.get", space, fgetxattr(fd, "trusted.c", space, sizeof space));
    names("open.list", space, flistxattr(fd, space, sizeof space));
    result("open.remove", fremovexattr(fd, "trusted.c"));
    result("open.again", fremovexattr(fd, "trusted.c"));
    int place = open("f", O_PATH);
    result("path.set", fsetxattr(place, "trusted.c", "3", 1, 0));
    result("path.get", fgetxattr(place, "trusted.a", space, sizeof space));
    result("path.list", flistxattr(place, space, sizeof space));
    result("path.remove", fremovexattr(place, "trusted.a"));
    result("path.chown", fchown(place, 9, 9));
    result("path.chmod", fchmod(place, 0600));
    result("path.empty", fchownat(place, "", 7, 8, AT_EMPTY_PATH));
    owner("path.owner", "f");
    snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    value("path.proc", space, getxattr(path, "trusted.a", space, sizeof space));
    struct arguments given = {(uintptr_t) "four", 4, 0};
    result("at.set", syscall(463, AT_FDCWD, "l", 0, "trusted.d", &given, sizeof given));
    given = (struct arguments){(uintptr_t)space, sizeof space, 0};
    value("at.get", space, syscall(464, fd, "", AT_EMPTY_PATH, "trusted.d", &given, sizeof given));
    result("at.path", syscall(464, place, "", AT_EMPTY_PATH, "trusted.d", &given, sizeof given));
    result("at.link", syscall(464, AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, "trusted.d", &given, sizeof given));
    given.flags = 1;
    result("at.flags", syscall(464, fd, "", AT_EMPTY_PATH, "trusted.d", &given, sizeof given));
    names("at.list", space, syscall(465, AT_FDCWD, "f", 0, space, sizeof space));
    result("at.remove", syscall(466, AT_FDCWD, "f", 0, "trusted.d"));
    result("at.wrong", syscall(466, AT_FDCWD, "f", 0x40000, "trusted.d"));
    result("remove", removexattr("f", "trusted.a"));
    result("remove.again", removexattr("f", "trusted.a"));
    result("remove.alone", removexattr("f", "trusted."));
    names("removed", space, listxattr("f", space, sizeof space));
#ifdef __x86_64__
    char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    strcpy(low, "trusted.e");
    strcpy(low + 16, "d");
    number("i386.remove", call32(235, (long)low + 16, (long)low, 0) == -ENODATA);
    strcpy(low, "trusted.empty");
    number("i386.remove.empty", call32(235, (long)low + 16, (long)low, 0));
#endif
    setxattr("f", "trusted.a", "1", 1, 0);
    if (setresuid(7, 7, 7) != 0) return 1;
    result("dropped.set", setxattr("f", "trusted.a", "1", 1, 0));
    result("dropped.get", getxattr("f", "trusted.a", space, sizeof space));
    result("dropped.remove", removexattr("f", "trusted.a"));
    names("dropped.list", space, listxattr("f", space, sizeof space));
    return 0;
}

// setcap cap_net_raw+ep, and an attribute that only root may set.
static int capability(const char *file)
{
    struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data = {{1 << 13, 0}}};
    result("capability", setxattr(file, "security.capability", &data, sizeof data, 0));
    result("trusted", setxattr(file, "trusted.mark", "kept", 4, 0));
    result("label", setxattr(file, "security.selinux", "any", 4, 0));
    return 0;
}

// Arguments that lead nowhere: the errors are the kernel's.
static int wrong(void)
{
    char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    memset(page, 'a', 4096);
    result("fault", chown((char *)8, 1, 1));
    result("unterminated", chown(page, 1, 1));
    memcpy(page + 4094, "/", 2);
    result("atTheEnd", chown(page + 4094, 0, 0));
    result("missing", chown("/no/such", 1, 1));
    result("emptyPath", chown("", 1, 1));
    result("badDescriptor", fchown(4000, 1, 1));
    result("negative", fchown(-5, 1, 1));
    result("notDirectory", fchownat(1, "x", 1, 1, 0));
    result("badFlags", fchownat(AT_FDCWD, "/", 1, 1, 0x40000));
    result("groupsFault", syscall(SYS_setgroups, 3, 8));
    result("tooManyGroups", syscall(SYS_setgroups, 70000, page));
    result("noRoom", syscall(SYS_getgroups, -1, page));
    result("setuidNone", syscall(SYS_setuid, -1));
    result("statFault", syscall(SYS_newfstatat, AT_FDCWD, "/", 8, 0));
    result("device", mknod("/", S_IFCHR | 0600, makedev(1, 3)));
    return 0;
}

// Ways to a file of the host that the container does not show.
static int escape(const char *file)
{
    char path[8192];
    result("plain", chown(file, 66, 66));
    snprintf(path, sizeof path, "../../../../../../../..%s", file);
    result("upwards", chown(path, 66, 66));
    symlink(file, "/way");
    result("link", chown("/way", 66, 66));
    snprintf(path, sizeof path, "/proc/%d/root%s", getppid(), file);
    result("parentsRoot", chown(path, 66, 66));
    snprintf(path, sizeof path, "/proc/self/root/../..%s", file);
    result("ownRoot", chown(path, 66, 66));
    snprintf(path, sizeof path, "/proc/self/cwd/../../..%s", file);
    result("ownDirectory", chown(path, 66, 66));
    for (int fd = 0; fd < 20; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d/../../..%s", fd, file);
        chown(path, 66, 66);
        snprintf(path, sizeof path, "/dev/fd/%d%s", fd, file);
        chown(path, 66, 66);
        fchownat(fd, file + 1, 66, 66, 0);
        setxattr(path, "trusted.mark", "x", 1, 0);
        mknod(path, S_IFCHR | 0600, makedev(1, 3));
    }
    if (chroot("/tmp") == 0 && chdir("..") == 0) result("chrooted", chown(path, 66, 66));
    return 0;
}

static const char *outside;
static volatile int stop;

static void *swap(void *argument)
{
    (void)argument;
    while (!stop) {
        rename("real", "moved");
        symlink(outside, "real");
        unlink("real");
        rename("moved", "real");
    }
    return 0;
}

// A directory and a link to the outside change places while owners are set through their name.
static int race(const char *directory, const char *file)
{
    char path[4096];
    char above[4096];
    snprintf(above, sizeof above, "%s", file);
    *strrchr(above, '/') = 0;
    outside = above;
    snprintf(path, sizeof path, "real/%s", strrchr(file, '/') + 1);
    if (chdir(directory) != 0 || mkdir("real", 0755) != 0) return 1;
    close(open(path, O_CREAT | O_WRONLY, 0644));
    pthread_t thread;
    pthread_create(&thread, 0, swap, 0);
    for (int i = 0; i < 3000; i++) {
        chown(path, 66, i);
        fchownat(AT_FDCWD, path, 66, i, 0);
        setxattr(path, "trusted.mark", "x", 1, 0);
    }
    stop = 1;
    pthread_join(thread, 0);
    result("afterwards", chown(path, 66, 67));
    owner("owner", path);
    return 0;
}

// setpriv --reuid UID --regid GID --clear-groups PROGRAM...
static int as(char **words)
{
    gid_t gid = (gid_t)atoi(words[1]);
    uid_t uid = (uid_t)atoi(words[0]);
    if (setgroups(0, 0) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) return 1;
    execvp(words[2], words + 2);
    return 1;
}

int main(int count, char **words)
{
    if (count > 4 && strcmp(words[1], "as") == 0) return as(words + 2);
    if (count == 2 && strcmp(words[1], "ids") == 0) return ids();
    if (count == 3 && strcmp(words[1], "make") == 0) return make(words[2]);
    if (count == 3 && strcmp(words[1], "attributes") == 0) return attributes(words[2]);
    if (count == 3 && strcmp(words[1], "capability") == 0) return capability(words[2]);
    if (count == 2 && strcmp(words[1], "wrong") == 0) return wrong();
    if (count == 3 && strcmp(words[1], "escape") == 0) return escape(words[2]);
    if (count == 4 && strcmp(words[1], "race") == 0) return race(words[2], words[3]);
    return 2;
}
