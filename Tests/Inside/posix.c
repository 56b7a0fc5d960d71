// Asks a writable file system for what programs expect of one, in a directory of its own, and tells for each as a key=value line whether it
// held: "yes", the name of the error, or "no LINE" of the expectation below that failed.
//
//   posix DIRECTORY
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

static int failed, failed_errno;

// The first expectation that fails is told.
#define EXPECT(condition) do { if (!(condition)) { failed = __LINE__; failed_errno = 0; return; } } while (0)
#define CALL(call) do { if ((call) < 0) { failed = __LINE__; failed_errno = errno; return; } } while (0)
#define REFUSED(call, number) do { errno = 0; if ((call) >= 0 || errno != (number)) { failed = __LINE__; failed_errno = errno; return; } } while (0)

static int make(const char *name, const char *text)
{
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0) return -1;
    if (write(file, text, strlen(text)) != (ssize_t)strlen(text)) return -1;
    return close(file);
}

static int holds(const char *name, const char *text)
{
    char found[64] = "";
    int file = open(name, O_RDONLY);
    if (file < 0) return 0;
    ssize_t got = read(file, found, sizeof found - 1);
    close(file);
    return got == (ssize_t)strlen(text) && memcmp(found, text, (size_t)got) == 0;
}

static int links(const char *name)
{
    struct stat facts;
    return lstat(name, &facts) == 0 ? (int)facts.st_nlink : -1;
}

static void rename_plain(void)
{
    CALL(make("a", "one"));
    CALL(make("b", "two"));
    CALL(rename("a", "b"));
    EXPECT(holds("b", "one") && links("a") < 0);
    CALL(mkdir("d", 0755));
    CALL(mkdir("d/e", 0755));
    CALL(make("d/e/f", "deep"));
    CALL(rename("d/e", "moved"));
    EXPECT(holds("moved/f", "deep") && links("d") == 2);
    REFUSED(rename("d", "moved"), ENOTEMPTY);
    REFUSED(rename("b", "d"), EISDIR);
    REFUSED(rename("d", "b"), ENOTDIR);
    REFUSED(rename("moved", "moved/inside"), EINVAL);
}

static void rename_noreplace(void)
{
    CALL(make("a", "one"));
    CALL(make("b", "two"));
    REFUSED(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST);
    CALL(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
    EXPECT(holds("c", "one") && holds("b", "two"));
}

static void rename_exchange(void)
{
    CALL(make("a", "one"));
    CALL(mkdir("d", 0755));
    CALL(make("d/b", "two"));
    CALL(renameat2(AT_FDCWD, "a", AT_FDCWD, "d/b", RENAME_EXCHANGE));
    EXPECT(holds("a", "two") && holds("d/b", "one"));
    REFUSED(renameat2(AT_FDCWD, "a", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
    CALL(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_EXCHANGE));
    EXPECT(holds("d", "two") && holds("a/b", "one"));
}

static void rename_open(void)
{
    char text[4];
    CALL(make("a", "old"));
    CALL(make("b", "new"));
    int file = open("a", O_RDONLY);
    CALL(file);
    CALL(rename("b", "a"));
    EXPECT(read(file, text, 3) == 3 && memcmp(text, "old", 3) == 0 && holds("a", "new"));
    close(file);
}

static void hard_links(void)
{
    struct stat one, other;
    CALL(make("a", "one"));
    CALL(link("a", "b"));
    CALL(stat("a", &one));
    CALL(stat("b", &other));
    EXPECT(one.st_ino == other.st_ino && one.st_dev == other.st_dev && one.st_nlink == 2);
    CALL(make("b", "changed"));
    EXPECT(holds("a", "changed"));
    CALL(unlink("a"));
    EXPECT(links("b") == 1 && holds("b", "changed"));
    REFUSED(link("b", "b"), EEXIST);
    REFUSED(link(".", "dir"), EPERM);
}

static void unlinked_open(void)
{
    char text[6];
    struct stat facts;
    int file = open("gone", O_RDWR | O_CREAT, 0600);
    CALL(file);
    CALL(unlink("gone"));
    EXPECT(write(file, "still", 5) == 5 && pread(file, text, 5, 0) == 5 && memcmp(text, "still", 5) == 0);
    CALL(fstat(file, &facts));
    EXPECT(facts.st_nlink == 0 && facts.st_size == 5);
    CALL(ftruncate(file, 100));
    CALL(fchmod(file, 0640));
    close(file);
}

static void mmap_shared(void)
{
    long page = sysconf(_SC_PAGESIZE);
    int file = open("m", O_RDWR | O_CREAT, 0644);
    CALL(file);
    CALL(ftruncate(file, page * 3));
    char *map = mmap(NULL, (size_t)page * 3, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    EXPECT(map != MAP_FAILED);
    memcpy(map + page, "mapped", 6);
    char text[6];
    EXPECT(pread(file, text, 6, page) == 6 && memcmp(text, "mapped", 6) == 0);
    EXPECT(pwrite(file, "write", 5, page * 2) == 5 && memcmp(map + page * 2, "write", 5) == 0);
    pid_t child = fork();
    if (child == 0) {
        memcpy(map, "child", 5);
        _exit(msync(map, (size_t)page, MS_SYNC) != 0);
    }
    int status;
    CALL(waitpid(child, &status, 0));
    EXPECT(status == 0 && memcmp(map, "child", 5) == 0);
    CALL(munmap(map, (size_t)page * 3));
    close(file);
    EXPECT(open("m", O_RDONLY) >= 0);
}

static void sparse(void)
{
    struct stat facts;
    char text[4];
    int file = open("s", O_RDWR | O_CREAT, 0644);
    CALL(file);
    EXPECT(pwrite(file, "end", 3, 50 << 20) == 3);
    CALL(fstat(file, &facts));
    EXPECT(facts.st_size == (50 << 20) + 3 && facts.st_blocks < 2048);
    EXPECT(pread(file, text, 3, 1 << 20) == 3 && memcmp(text, "\0\0\0", 3) == 0);
    CALL(ftruncate(file, 10));
    CALL(ftruncate(file, (50 << 20) + 3));
    EXPECT(pread(file, text, 3, 50 << 20) == 3 && memcmp(text, "\0\0\0", 3) == 0);
    close(file);
}

static void punch_hole(void)
{
    char text[3];
    struct stat before, after;
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    int file = open("p", O_RDWR | O_CREAT, 0644);
    CALL(file);
    EXPECT(write(file, block, sizeof block) == sizeof block);
    CALL(fsync(file));
    CALL(fstat(file, &before));
    CALL(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536, 524288));
    CALL(fsync(file));
    CALL(fstat(file, &after));
    EXPECT(pread(file, text, 3, 65536 + 100) == 3 && memcmp(text, "\0\0\0", 3) == 0);
    EXPECT(pread(file, text, 3, 65533) == 3 && memcmp(text, "xxx", 3) == 0);
    EXPECT(after.st_size == before.st_size && after.st_blocks < before.st_blocks);
    close(file);
}

static void seek_hole(void)
{
    int file = open("h", O_RDWR | O_CREAT, 0644);
    CALL(file);
    EXPECT(pwrite(file, "x", 1, 8 << 20) == 1);
    CALL(fsync(file));
    EXPECT(lseek(file, 0, SEEK_HOLE) == 0);
    EXPECT(lseek(file, 0, SEEK_DATA) > 0);
    EXPECT(lseek(file, 8 << 20, SEEK_HOLE) == (8 << 20) + 1);
    close(file);
}

static void set_aside(void)
{
    struct stat facts;
    int file = open("f", O_RDWR | O_CREAT, 0644);
    CALL(file);
    CALL(fallocate(file, 0, 0, 1 << 20));
    CALL(fstat(file, &facts));
    EXPECT(facts.st_size == 1 << 20 && facts.st_blocks >= 2048);
    close(file);
}

static void set_aside_behind(void)
{
    struct stat facts;
    int file = open("f", O_RDWR | O_CREAT, 0644);
    CALL(file);
    CALL(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 1 << 20));
    CALL(fstat(file, &facts));
    EXPECT(facts.st_size == 0);
    close(file);
}

static void nameless(void)
{
    char path[64];
    int file = open(".", O_TMPFILE | O_RDWR, 0644);
    CALL(file);
    EXPECT(write(file, "none", 4) == 4);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CALL(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    EXPECT(holds("named", "none"));
    close(file);
}

// Whether another process is refused a lock that this one has.
static int refuses(int (*lock)(int))
{
    pid_t child = fork();
    if (child == 0) {
        int file = open("l", O_RDWR);
        _exit(file < 0 ? 2 : lock(file) < 0 && (errno == EWOULDBLOCK || errno == EACCES) ? 0 : 1);
    }
    int status;
    return waitpid(child, &status, 0) == child && status == 0;
}

static int take_flock(int file) { return flock(file, LOCK_EX | LOCK_NB); }

static int take(int file, int command)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20};
    return fcntl(file, command, &range);
}

static int take_posix(int file) { return take(file, F_SETLK); }

static int take_ofd(int file) { return take(file, F_OFD_SETLK); }

static void locks(int (*lock)(int))
{
    CALL(make("l", "lock"));
    int file = open("l", O_RDWR);
    CALL(file);
    CALL(lock(file));
    EXPECT(refuses(lock));
    close(file);
    file = open("l", O_RDWR);
    CALL(lock(file));
    close(file);
}

static void flock_locks(void) { locks(take_flock); }

static void posix_locks(void) { locks(take_posix); }

static void ofd_locks(void) { locks(take_ofd); }

static void modes(void)
{
    struct stat facts;
    CALL(make("c", "x"));
    for (mode_t mode = 0; mode <= 07777; mode += 0111) {
        CALL(chmod("c", mode));
        CALL(stat("c", &facts));
        EXPECT((facts.st_mode & 07777) == mode);
    }
    CALL(mkdir("d", 0700));
    CALL(chmod("d", 01777));
    CALL(stat("d", &facts));
    EXPECT((facts.st_mode & 07777) == 01777);
    CALL(chmod("c", 06755));
    int file = open("c", O_WRONLY);
    CALL(file);
    EXPECT(write(file, "y", 1) == 1);
    close(file);
    CALL(chmod("d", 0750));
    EXPECT(umask(027) != (mode_t)-1);
    CALL(mkdir("masked", 0777));
    CALL(stat("masked", &facts));
    umask(022);
    EXPECT((facts.st_mode & 0777) == 0750);
}

static void owners(void)
{
    struct stat facts;
    CALL(make("o", "x"));
    CALL(chown("o", getuid(), getgid()));
    CALL(lchown("o", (uid_t)-1, getgid()));
    CALL(stat("o", &facts));
    EXPECT(facts.st_uid == getuid() && facts.st_gid == getgid());
    if (getuid() != 0) return;
    CALL(chown("o", 12, 34));
    CALL(stat("o", &facts));
    EXPECT(facts.st_uid == 12 && facts.st_gid == 34);
}

static void inherited_group(void)
{
    struct stat facts;
    CALL(mkdir("g", 0755));
    CALL(chmod("g", 02755));
    CALL(mkdir("g/below", 0755));
    CALL(stat("g/below", &facts));
    EXPECT(facts.st_mode & S_ISGID);
}

static void times(void)
{
    struct stat facts, later;
    struct timespec wanted[2] = {{1000000000, 123456789}, {1234567890, 987654321}};
    CALL(make("t", "x"));
    CALL(utimensat(AT_FDCWD, "t", wanted, 0));
    CALL(stat("t", &facts));
    EXPECT(facts.st_atim.tv_sec == 1000000000 && facts.st_mtim.tv_sec == 1234567890);
    EXPECT(facts.st_atim.tv_nsec == 123456789 && facts.st_mtim.tv_nsec == 987654321);
    usleep(20000);
    CALL(chmod("t", 0600));
    CALL(stat("t", &later));
    EXPECT(later.st_mtim.tv_nsec == 987654321 && later.st_ctim.tv_nsec != facts.st_ctim.tv_nsec);
    int file = open("t", O_WRONLY);
    CALL(file);
    EXPECT(write(file, "y", 1) == 1);
    close(file);
    CALL(stat("t", &later));
    EXPECT(later.st_mtim.tv_sec > 1234567890);
    CALL(symlink("nowhere", "tl"));
    CALL(utimensat(AT_FDCWD, "tl", wanted, AT_SYMLINK_NOFOLLOW));
    CALL(lstat("tl", &facts));
    EXPECT(facts.st_mtim.tv_nsec == 987654321);
}

static void times_after_2038(void)
{
    struct stat facts;
    struct timespec wanted[2] = {{4000000000, 1}, {4000000000, 2}};
    CALL(make("t", "x"));
    CALL(utimensat(AT_FDCWD, "t", wanted, 0));
    CALL(stat("t", &facts));
    EXPECT(facts.st_mtim.tv_sec == 4000000000 && facts.st_mtim.tv_nsec == 2);
}

static void many_names(void)
{
    char name[64];
    enum { COUNT = 10000 };
    static unsigned char seen[COUNT];
    memset(seen, 0, sizeof seen);
    CALL(mkdir("many", 0755));
    for (int number = 0; number < COUNT; number++) {
        snprintf(name, sizeof name, "many/file-%d", number);
        int file = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
        CALL(file);
        close(file);
    }
    DIR *listing = opendir("many");
    EXPECT(listing);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(listing));) {
        int number;
        if (sscanf(entry->d_name, "file-%d", &number) != 1) continue;
        EXPECT(number >= 0 && number < COUNT && !seen[number]++);
        count++;
        // Removing what was read does not disturb the rest.
        snprintf(name, sizeof name, "many/file-%d", number);
        if (number % 2) CALL(unlink(name));
    }
    closedir(listing);
    EXPECT(count == COUNT);
    for (int number = 0; number < COUNT; number += 2) {
        snprintf(name, sizeof name, "many/file-%d", number);
        CALL(unlink(name));
    }
    CALL(rmdir("many"));
}

static void long_names(void)
{
    char name[NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[NAME_MAX] = 0;
    CALL(make(name, "long"));
    EXPECT(holds(name, "long"));
    CALL(rename(name, "short"));
    CALL(rename("short", name));
    CALL(unlink(name));
    CALL(mkdir(name, 0755));
    CALL(rmdir(name));
    name[NAME_MAX] = 'n';
    name[NAME_MAX + 1] = 0;
    REFUSED(mkdir(name, 0755), ENAMETOOLONG);
}

static void odd_names(void)
{
    CALL(make("\xff\xfe new\nline", "odd"));
    EXPECT(holds("\xff\xfe new\nline", "odd"));
    CALL(make("case", "lower"));
    CALL(make("CASE", "upper"));
    EXPECT(holds("case", "lower"));
}

static void long_links(void)
{
    static char target[PATH_MAX], found[PATH_MAX];
    for (size_t length = 1; length < PATH_MAX; length = length < 59 ? 59 : length < 61 ? length + 1 : length < 1000 ? 1000 : length < 4095 ? 4095 : PATH_MAX) {
        memset(target, 't', length);
        target[length] = 0;
        CALL(symlink(target, "link"));
        EXPECT(readlink("link", found, sizeof found) == (ssize_t)length && memcmp(found, target, length) == 0);
        struct stat facts;
        CALL(lstat("link", &facts));
        EXPECT(facts.st_size == (off_t)length);
        CALL(unlink("link"));
    }
}

static void attributes(void)
{
    char value[4096], list[1024];
    static char large[3000];
    memset(large, 'v', sizeof large);
    CALL(make("x", "x"));
    CALL(setxattr("x", "user.one", "1", 1, XATTR_CREATE));
    REFUSED(setxattr("x", "user.one", "2", 1, XATTR_CREATE), EEXIST);
    REFUSED(setxattr("x", "user.two", "2", 1, XATTR_REPLACE), ENODATA);
    CALL(setxattr("x", "user.two", "", 0, 0));
    EXPECT(getxattr("x", "user.one", value, sizeof value) == 1 && value[0] == '1');
    EXPECT(getxattr("x", "user.two", value, sizeof value) == 0);
    EXPECT(listxattr("x", list, sizeof list) >= 18);
    REFUSED(getxattr("x", "user.none", value, sizeof value), ENODATA);
    CALL(removexattr("x", "user.one"));
    REFUSED(removexattr("x", "user.one"), ENODATA);
    CALL(mkdir("xd", 0755));
    CALL(setxattr("xd", "user.dir", "d", 1, 0));
    for (size_t size = 100; size <= 900; size += 200) {
        CALL(setxattr("x", "user.large", large, size, 0));
        EXPECT(getxattr("x", "user.large", value, sizeof value) == (ssize_t)size);
    }
}

static void large_attributes(void)
{
    char value[4096];
    static char large[3000];
    memset(large, 'v', sizeof large);
    CALL(make("x", "x"));
    CALL(setxattr("x", "user.large", large, sizeof large, 0));
    EXPECT(getxattr("x", "user.large", value, sizeof value) == sizeof large);
}

// An access control list with an entry for user 1: linux/posix_acl_xattr.h.
static void access_lists(void)
{
    static const unsigned char list[] = {
        2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255,
        16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255};
    unsigned char found[100];
    CALL(make("acl", "x"));
    CALL(setxattr("acl", "system.posix_acl_access", list, sizeof list, 0));
    EXPECT(getxattr("acl", "system.posix_acl_access", found, sizeof found) == sizeof list);
}

static void devices(void)
{
    struct stat facts;
    CALL(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    CALL(stat("null", &facts));
    EXPECT(S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(1, 3));
    CALL(mknod("large", S_IFBLK | 0600, makedev(259, 70000)));
    CALL(stat("large", &facts));
    EXPECT(S_ISBLK(facts.st_mode) && facts.st_rdev == makedev(259, 70000));
}

static void pipes(void)
{
    char text[4];
    CALL(mkfifo("pipe", 0600));
    pid_t child = fork();
    if (child == 0) {
        int file = open("pipe", O_WRONLY);
        _exit(write(file, "pipe", 4) != 4);
    }
    int file = open("pipe", O_RDONLY);
    CALL(file);
    EXPECT(read(file, text, 4) == 4 && memcmp(text, "pipe", 4) == 0);
    int status;
    CALL(waitpid(child, &status, 0));
    EXPECT(status == 0);
    close(file);
}

static void sockets(void)
{
    struct sockaddr_un place = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind(server, (struct sockaddr *)&place, sizeof place));
    CALL(listen(server, 1));
    CALL(connect(client, (struct sockaddr *)&place, sizeof place));
    EXPECT(write(client, "x", 1) == 1);
    close(client);
    close(server);
    CALL(unlink("socket"));
}

static void statistics(void)
{
    struct statvfs before, after;
    static char block[1 << 20];
    memset(block, 'x', sizeof block);
    CALL(statvfs(".", &before));
    EXPECT(before.f_bsize > 0 && before.f_blocks > 0 && before.f_bfree <= before.f_blocks && before.f_bavail <= before.f_bfree);
    EXPECT(before.f_namemax >= 255 && before.f_files > 0);
    int file = open("large", O_WRONLY | O_CREAT, 0644);
    CALL(file);
    for (int count = 0; count < 4; count++) EXPECT(write(file, block, sizeof block) == sizeof block);
    CALL(fsync(file));
    CALL(statvfs(".", &after));
    EXPECT((before.f_bfree - after.f_bfree) * before.f_frsize >= 4 << 20);
    close(file);
    CALL(unlink("large"));
}

static void appending(void)
{
    struct stat facts;
    for (int writer = 0; writer < 4; writer++) {
        if (fork() != 0) continue;
        int file = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
        for (int line = 0; line < 200; line++)
            if (write(file, "0123456789", 10) != 10) _exit(1);
        _exit(0);
    }
    int status;
    for (int writer = 0; writer < 4; writer++) EXPECT(wait(&status) > 0 && status == 0);
    CALL(stat("log", &facts));
    EXPECT(facts.st_size == 8000);
}

static void exclusive(void)
{
    CALL(make("e", "x"));
    REFUSED(open("e", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    CALL(symlink("nowhere", "el"));
    REFUSED(open("el", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    REFUSED(open("el", O_RDONLY | O_NOFOLLOW), ELOOP);
    REFUSED(open("e", O_RDONLY | O_DIRECTORY), ENOTDIR);
    REFUSED(open(".", O_WRONLY), EISDIR);
    REFUSED(unlink("."), EISDIR);
    REFUSED(rmdir("e"), ENOTDIR);
}

static void direct(void)
{
    void *block;
    EXPECT(posix_memalign(&block, 4096, 4096) == 0);
    memset(block, 'd', 4096);
    int file = open("direct", O_RDWR | O_CREAT | O_DIRECT, 0644);
    CALL(file);
    EXPECT(write(file, block, 4096) == 4096 && pread(file, block, 4096, 0) == 4096);
    close(file);
}

static void copying(void)
{
    loff_t from = 0, to = 0;
    CALL(make("source", "copied"));
    int source = open("source", O_RDONLY), target = open("target", O_WRONLY | O_CREAT, 0644);
    CALL(source);
    CALL(target);
    EXPECT(copy_file_range(source, &from, target, &to, 6, 0) == 6);
    close(source);
    close(target);
    EXPECT(holds("target", "copied"));
}

static void running(void)
{
    CALL(make("script", "#!/bin/sh\nexit 7\n"));
    CALL(chmod("script", 0755));
    pid_t child = fork();
    if (child == 0) {
        execl("./script", "script", (char *)NULL);
        _exit(1);
    }
    int status;
    CALL(waitpid(child, &status, 0));
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void large_files(void)
{
    char text[3];
    int file = open("huge", O_RDWR | O_CREAT, 0644);
    CALL(file);
    EXPECT(pwrite(file, "end", 3, (off_t)5 << 30) == 3);
    EXPECT(pread(file, text, 3, (off_t)5 << 30) == 3 && memcmp(text, "end", 3) == 0);
    close(file);
    CALL(unlink("huge"));
}

static const struct { const char *name; void (*check)(void); } checks[] = {
    {"rename", rename_plain}, {"rename.noreplace", rename_noreplace}, {"rename.exchange", rename_exchange},
    {"rename.over-open", rename_open}, {"links", hard_links}, {"unlinked-open", unlinked_open}, {"mmap", mmap_shared},
    {"sparse", sparse}, {"punch-hole", punch_hole}, {"seek-hole", seek_hole}, {"fallocate", set_aside}, {"fallocate.keep-size", set_aside_behind}, {"tmpfile", nameless},
    {"flock", flock_locks}, {"lock.posix", posix_locks}, {"lock.ofd", ofd_locks}, {"chmod", modes}, {"chown", owners},
    {"setgid-directory", inherited_group}, {"times", times}, {"times.2096", times_after_2038}, {"10000-names", many_names},
    {"names.255", long_names}, {"names.odd", odd_names}, {"symlinks.4095", long_links}, {"xattrs", attributes},
    {"xattrs.3000", large_attributes}, {"acl", access_lists}, {"devices", devices}, {"fifo", pipes}, {"socket", sockets},
    {"statfs", statistics}, {"append", appending}, {"open-flags", exclusive}, {"direct", direct}, {"copy-file-range", copying},
    {"execute", running}, {"5-gib-file", large_files},
};

int main(int count, char **words)
{
    if (count != 2) return 2;
    umask(022);
    for (size_t index = 0; index < sizeof checks / sizeof *checks; index++) {
        char place[PATH_MAX];
        snprintf(place, sizeof place, "%s/posix-%zu", words[1], index);
        if (mkdir(place, 0755) != 0 || chdir(place) != 0) {
            fprintf(stderr, "posix: cannot use %s: %s\n", place, strerror(errno));
            return 1;
        }
        failed = failed_errno = 0;
        checks[index].check();
        if (!failed) printf("%s=yes\n", checks[index].name);
        else if (failed_errno) printf("%s=%s\n", checks[index].name, strerrorname_np(failed_errno));
        else printf("%s=no %d\n", checks[index].name, failed);
        fflush(stdout);
    }
    return 0;
}
