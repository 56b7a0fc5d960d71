/* The kernel and libc names that Swift cannot import: system calls without a libc wrapper, macros, variadics.
 * Typed one-line wrappers only; every decision is made in Sources/Linux. All names begin with skl_ / SKL_. */
#ifndef SKIFF_CLINUX_H
#define SKIFF_CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dirent.h>
#include <dlfcn.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
/* linux/mount.h and glibc's sys/mount.h do not agree in Debian 12 about who declares what; take glibc's, which has the
 * new mount API since 2.36. */
#include <sys/mount.h>

static inline int skl_errno(void) { return errno; }
static inline void skl_clear_errno(void) { errno = 0; }
static inline char **skl_environ(void) { return environ; }
static inline const char *skl_strerror(int number) { return strerrordesc_np(number); }
static inline const char *skl_errno_name(int number) { return strerrorname_np(number); }

/* files */
static inline int skl_openat(int dir, const char *path, int flags, unsigned mode) { return openat(dir, path, flags, mode); }
static inline int skl_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}
/* The number is the same on every architecture that we build for; older headers lack the name. */
static inline int skl_fchmodat2(int dir, const char *path, mode_t mode, unsigned flags) {
    return (int)syscall(452, dir, path, mode, flags);
}
static inline int skl_fcntl(int fd, int command, long argument) { return fcntl(fd, command, argument); }
static inline int skl_fcntl_lock(int fd, int command, struct flock *lock) { return fcntl(fd, command, lock); }
static inline int skl_ioctl(int fd, unsigned long request, unsigned long argument) { return ioctl(fd, request, argument); }
static inline int skl_ioctl_pointer(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }
static inline int skl_renameat2(int d1, const char *p1, int d2, const char *p2, unsigned flags) {
    return (int)syscall(SYS_renameat2, d1, p1, d2, p2, flags);
}
static inline int skl_close_range(unsigned first, unsigned last, int flags) { return (int)syscall(SYS_close_range, first, last, flags); }
static inline int skl_memfd_create(const char *name, unsigned flags) { return memfd_create(name, flags); }
/* Whole pages for a secret, zero: locked, in no core file, zero in a forked process. NULL with errno. */
void *skl_secret_map(size_t size);
/* Wipes them. */
void skl_secret_unmap(void *place, size_t size);
/* memfd_create(2): a file in memory with these bytes, which nobody can change. */
int skl_secret_file(const char *name, const void *bytes, size_t count);
/* Whether nobody can change a file. */
int skl_is_sealed(int file);
/* request_key(2): a "user" key that the keyrings of the process have. Returns its size, which may be more than there is room;
 * keyctl(2) KEYCTL_READ. */
long skl_key_read(const char *name, void *buffer, size_t size);
/* add_key(2): a "logon" key, which the kernel reads and nobody else, for this thread alone. Returns its number. */
int skl_key_lend(const char *name, const void *bytes, size_t count);
/* keyctl(2) KEYCTL_REVOKE and KEYCTL_UNLINK: wipes such a key. */
void skl_key_end(int key);

/* The device mapper, by its control device. Devices are read-only, and have one target. */
enum { SKL_MAPPER_PARAMETERS = 512 };
/* The version of a target, whose module is loaded for that; since Linux 5.5. */
int skl_mapper_target(int control, const char *name, uint32_t version[3]);
/* A device without a table. */
int skl_mapper_create(int control, const char *name, dev_t *device);
int skl_mapper_load(int control, const char *name, const char *target, uint64_t sectors, const char *parameters);
int skl_mapper_resume(int control, const char *name);
/* Deferred: when nobody has it open any more. */
int skl_mapper_remove(int control, const char *name, int deferred);
int skl_mapper_open_count(int control, const char *name);
/* The names of all devices, a line each; returns how many bytes. */
long skl_mapper_names(int control, char *names, size_t size);
static inline int skl_execveat(int dir, const char *path, char *const *argv, char *const *envp, int flags) {
    return (int)syscall(SYS_execveat, dir, path, argv, envp, flags);
}
static inline dev_t skl_makedev(unsigned major_number, unsigned minor_number) { return makedev(major_number, minor_number); }
static inline unsigned skl_major(dev_t device) { return major(device); }
static inline unsigned skl_minor(dev_t device) { return minor(device); }

/* `struct statfs` and the function share a name, of which Swift sees only the struct. */
static inline int skl_statfs(const char *path, struct statfs *out) { return statfs(path, out); }
static const mode_t SKL_S_IFMT = S_IFMT;
static const mode_t SKL_S_IFDIR = S_IFDIR;
static const mode_t SKL_S_IFREG = S_IFREG;
static const mode_t SKL_S_IFLNK = S_IFLNK;
static const mode_t SKL_S_IFBLK = S_IFBLK;
static const mode_t SKL_S_IFCHR = S_IFCHR;
static const mode_t SKL_S_IFIFO = S_IFIFO;
static const mode_t SKL_S_IFSOCK = S_IFSOCK;

/* cgroups */

/* Has the kernel ask a program of BPF_PROG_TYPE_CGROUP_DEVICE about devices in a cgroup of version 2, beside those that
 * it asks already, and looks whether it does. */
int skl_attach_device_filter(int cgroup, const uint64_t *instructions, unsigned count);

/* namespaces and processes */
static inline pid_t skl_fork(void) { return fork(); }
static inline pid_t skl_clone(unsigned long flags) { return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0); }
/* The same in a cgroup of version 2, since Linux 5.7. */
pid_t skl_clone_into(unsigned long flags, int cgroup);
/* keyctl(2) KEYCTL_JOIN_SESSION_KEYRING, with a keyring that has no name. */
static inline long skl_new_session_keyring(void) { return syscall(SYS_keyctl, 1, NULL, 0, 0, 0); }
static inline int skl_namespace_kind(int fd) { return ioctl(fd, NS_GET_NSTYPE); }
static inline int skl_pivot_root(const char *root, const char *old) { return (int)syscall(SYS_pivot_root, root, old); }
static inline int skl_pidfd_open(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }
static inline int skl_pidfd_send_signal(int fd, int signal_number) {
    return (int)syscall(SYS_pidfd_send_signal, fd, signal_number, 0, 0);
}
static inline int skl_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return prctl(option, a, b, c, d);
}
static inline int skl_prctl_text(int option, const char *text) { return prctl(option, text, 0, 0, 0); }
static inline int skl_capset(uint32_t effective[2], uint32_t permitted[2], uint32_t inheritable[2]) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{effective[0], permitted[0], inheritable[0]},
                                             {effective[1], permitted[1], inheritable[1]}};
    return (int)syscall(SYS_capset, &header, data);
}
static inline int skl_capget(uint32_t effective[2], uint32_t permitted[2], uint32_t inheritable[2]) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}};
    int result = (int)syscall(SYS_capget, &header, data);
    for (int i = 0; i < 2; i++) {
        effective[i] = data[i].effective;
        permitted[i] = data[i].permitted;
        inheritable[i] = data[i].inheritable;
    }
    return result;
}
static inline int skl_wifexited(int status) { return WIFEXITED(status); }
static inline int skl_wexitstatus(int status) { return WEXITSTATUS(status); }
static inline int skl_wifsignaled(int status) { return WIFSIGNALED(status); }
static inline int skl_wtermsig(int status) { return WTERMSIG(status); }
static inline int skl_wifstopped(int status) { return WIFSTOPPED(status); }
static inline int skl_wstopsig(int status) { return WSTOPSIG(status); }
static inline void skl_signal_default(int signal_number) { signal(signal_number, SIG_DFL); }
static inline void skl_signal_ignore(int signal_number) { signal(signal_number, SIG_IGN); }
static inline int skl_sigrtmax(void) { return SIGRTMAX; }

/* the new mount API, fsopen(2) and its family */
static inline int skl_open_tree(int dir, const char *path, unsigned flags) { return (int)syscall(SYS_open_tree, dir, path, flags); }
static inline int skl_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags) {
    return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
static inline int skl_fsopen(const char *type, unsigned flags) { return (int)syscall(SYS_fsopen, type, flags); }
static inline int skl_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux) {
    return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}
/* ioctl_ficlone(2). */
static inline int skl_ficlone(int target, int source) { return ioctl(target, FICLONE, source); }
static inline int skl_fsmount(int fd, unsigned flags, unsigned attributes) { return (int)syscall(SYS_fsmount, fd, flags, attributes); }
static inline int skl_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation) {
    struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation, .userns_fd = 0};
    return (int)syscall(SYS_mount_setattr, dir, path, flags, &attr, sizeof attr);
}

/* What the caller handed over, see inheritance.c. The list of descriptors is ascending and has none below 3. */
int skl_inherit(void);
const int *skl_inherited_descriptors(size_t *count);
void skl_disinherit(int fd);
int skl_raise_descriptor_limit(rlim_t wanted);
/* From here on this counts as the caller's limit. */
void skl_inherit_descriptor_limit(rlim_t soft, rlim_t hard);
int skl_give_inheritance_back(void);
/* Closes all descriptors from `first` on but `kept`, which is ascending. */
void skl_close_others(int first, const int *kept, size_t count);
/* A program to start: it gets 0 to 2, the targets (ascending), and no other descriptor. */
struct skl_spawn {
    const char *path;
    char *const *arguments, *const *environment;
    const int *sources, *targets;
    size_t count;
    /* Entered in this order, by descriptor; setns(2). */
    const int *namespaces;
    size_t namespace_count;
    int new_session;
    /* Sent to it when this process ends, 0 for none. */
    int death_signal;
    pid_t parent;
    /* No byte of a file is written beyond it, 0 for no such limit; RLIMIT_FSIZE of setrlimit(2). */
    unsigned long long file_size_limit;
};
pid_t skl_spawn(const struct skl_spawn *request);
/* A descriptor that is readable while one of the signals that end a command is blocked and waits; signalfd(2). */
int skl_end_signals(void);
/* What a plugin could leave changed in this process, see process_state.c. Whose children are not this function's own affair,
 * `owns_children` is 0. */
struct skl_process_copy;
/* `kept` are descriptors of ours that must stay what they are. */
struct skl_process_copy *skl_process_copy(int owns_children, const int *kept, size_t count);
/* Standard output is standard error for a while. */
void skl_process_divert(struct skl_process_copy *copy);
void skl_process_undivert(struct skl_process_copy *copy);
void skl_process_copy_free(struct skl_process_copy *copy);
/* Whether this is a process forked from the one that was copied. */
int skl_process_is_other(const struct skl_process_copy *copy);
/* Puts back what has changed: what is read often, or all. The deeds that it finds, first those that it could undo. */
size_t skl_process_restore(const struct skl_process_copy *old, int rarely, int owns_children, const char **deeds, size_t room,
                           size_t *undone);
/* F_SETOWN and O_ASYNC: SIGIO for this process when something can be read. */
static inline int skl_signal_when_readable(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETOWN, getpid()) != 0) return -1;
    return fcntl(fd, F_SETFL, flags | O_ASYNC | O_NONBLOCK);
}
/* netdevice(7): sets IFF_UP of the interface. */
int skl_bring_up(const char *interface);
int skl_delete_interface(const char *interface);

static inline pid_t skl_signal_sender(const siginfo_t *info) { return info->si_pid; }
static inline int skl_signal_is_queued(const siginfo_t *info) { return info->si_code == SI_QUEUE; }
static inline int skl_signal_value(const siginfo_t *info) { return info->si_value.sival_int; }
static inline int skl_queue_signal(pid_t pid, int signal_number, int value) {
    return sigqueue(pid, signal_number, (union sigval){.sival_int = value});
}
static inline int skl_signal_is_ignored(int signal_number) {
    struct sigaction current;
    return sigaction(signal_number, NULL, &current) == 0 && !(current.sa_flags & SA_SIGINFO) && current.sa_handler == SIG_IGN;
}

/* sockets: send bytes and at most one descriptor; receive the same */
ssize_t skl_send_descriptor(int socket, const void *bytes, size_t count, int descriptor);
ssize_t skl_receive_descriptor(int socket, void *bytes, size_t count, int *descriptor);

// bind(2) and connect(2) of a socket of unix(7) by path; ENAMETOOLONG for more than 107 bytes.
int skl_bind_local(int socket, const char *path);
int skl_connect_local(int socket, const char *path);
int skl_accept(int listener);
// SO_PEERCRED of socket(7): who connected, or who listened.
int skl_peer(int socket, pid_t *pid, uid_t *uid);

/* constants that are macros with casts, or newer than the headers */
static const int SKL_O_PATH = O_PATH;
static const int SKL_O_TMPFILE = O_TMPFILE;
static const unsigned SKL_OPEN_TREE_CLONE = 1;
static const unsigned SKL_AT_RECURSIVE = 0x8000;
static const unsigned SKL_MOVE_MOUNT_F_EMPTY_PATH = 0x4;
static const unsigned SKL_MOVE_MOUNT_T_EMPTY_PATH = 0x40;
static const unsigned SKL_LO_FLAGS_READ_ONLY = LO_FLAGS_READ_ONLY;
static const unsigned SKL_LO_FLAGS_AUTOCLEAR = LO_FLAGS_AUTOCLEAR;
static const unsigned long SKL_LOOP_CTL_GET_FREE = LOOP_CTL_GET_FREE;
static const unsigned long SKL_LOOP_CONFIGURE = LOOP_CONFIGURE;
static const unsigned long SKL_LOOP_CLR_FD = LOOP_CLR_FD;
static const unsigned long SKL_FICLONE = FICLONE;
static const unsigned long SKL_TIOCGPTPEER = TIOCGPTPEER;
static const unsigned long SKL_TIOCSPTLCK = TIOCSPTLCK;
static const uint64_t SKL_MOUNT_ATTR_RDONLY = 0x1;
static const uint64_t SKL_MOUNT_ATTR_NOSUID = 0x2;
static const uint64_t SKL_MOUNT_ATTR_NODEV = 0x4;
static const uint64_t SKL_MOUNT_ATTR_NOEXEC = 0x8;

/* getrlimit(2) and setrlimit(2), whose first parameter is an enum of glibc's. RLIM_INFINITY is UINT64_MAX. */
static inline int skl_limit_get(int resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) return -1;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}

static inline int skl_limit_set(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit((__rlimit_resource_t)resource, &limit);
}

/* seccomp filters and their listeners, seccomp_unotify(2) */
struct skl_notification {
    uint64_t id;
    int pid;
    int number;
    uint32_t architecture;
    uint64_t arguments[6];
};
int skl_seccomp_install(const void *program, unsigned short instructions, unsigned long flags);
int skl_seccomp_has(unsigned action);
int skl_notification_receive(int listener, struct skl_notification *out);
int skl_notification_answer(int listener, uint64_t id, int64_t value, int error, unsigned flags);
int skl_notification_valid(int listener, uint64_t id);
int skl_notification_add_fd(int listener, uint64_t id, int source, unsigned flags, unsigned new_flags);
int skl_notification_wake_here(int listener);
/* What stat(2) says of an open file, with another owner, as the kernel's structure of this machine, or of i386; and what
 * statx(2) says. The type and device are replaced when a type is given. The length, 0 for an error. */
struct skl_shown_owner {
    uint32_t uid, gid, type, major_number, minor_number;
};
size_t skl_shown_stat(int fd, const struct skl_shown_owner *owner, int i386, void *out);
size_t skl_shown_statx(int fd, const struct skl_shown_owner *owner, int flags, unsigned mask, void *out);
/* The number that statx(2) gives the mount of an open file. */
int skl_mount_id(int fd, uint64_t *id);
static inline ssize_t skl_read_memory(pid_t pid, void *to, unsigned long from, size_t count) {
    struct iovec here = {.iov_base = to, .iov_len = count}, there = {.iov_base = (void *)from, .iov_len = count};
    return process_vm_readv(pid, &here, 1, &there, 1, 0);
}
static inline int skl_prlimit_locks(pid_t pid, const struct rlimit *new_limit, struct rlimit *old_limit) {
    return prlimit(pid, RLIMIT_LOCKS, new_limit, old_limit);
}
static const unsigned SKL_SECCOMP_NOTIFY = SECCOMP_RET_USER_NOTIF;
static const unsigned SKL_SECCOMP_ERRNO = SECCOMP_RET_ERRNO;
static const unsigned SKL_SECCOMP_ALLOW = SECCOMP_RET_ALLOW;
static const unsigned SKL_SECCOMP_LOG = SECCOMP_RET_LOG;
static const unsigned long SKL_SECCOMP_NEW_LISTENER = SECCOMP_FILTER_FLAG_NEW_LISTENER;
static const unsigned long SKL_SECCOMP_WAIT_KILLABLE = 1UL << 5;
static const unsigned SKL_SECCOMP_CONTINUE = 1;
static const unsigned SKL_SECCOMP_ADDFD_SEND = 1U << 1;
#endif
