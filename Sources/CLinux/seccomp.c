/* Structures whose size the kernel may enlarge: it fills and reads as many bytes as it knows, so the buffers have room to
 * spare. seccomp_unotify(2). */
#include "clinux.h"

int skl_seccomp_install(const void *program, unsigned short instructions, unsigned long flags) {
    struct sock_fprog filter = {.len = instructions, .filter = (struct sock_filter *)program};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
}

int skl_seccomp_has(unsigned action) { return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0; }

int skl_notification_receive(int listener, struct skl_notification *out) {
    union {
        struct seccomp_notif notification;
        char room[512];
    } buffer;
    memset(&buffer, 0, sizeof buffer);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer) != 0) return -1;
    out->id = buffer.notification.id;
    out->pid = (int)buffer.notification.pid;
    out->number = buffer.notification.data.nr;
    out->architecture = buffer.notification.data.arch;
    for (int i = 0; i < 6; i++) out->arguments[i] = buffer.notification.data.args[i];
    return 0;
}

int skl_notification_answer(int listener, uint64_t id, int64_t value, int error, unsigned flags) {
    union {
        struct seccomp_notif_resp answer;
        char room[512];
    } buffer;
    memset(&buffer, 0, sizeof buffer);
    buffer.answer.id = id;
    buffer.answer.val = value;
    buffer.answer.error = -error;
    buffer.answer.flags = flags;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer);
}

int skl_notification_valid(int listener, uint64_t id) { return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id); }

int skl_notification_add_fd(int listener, uint64_t id, int source, unsigned flags, unsigned new_flags) {
    struct seccomp_notif_addfd request = {
        .id = id, .flags = flags, .srcfd = (unsigned)source, .newfd = 0, .newfd_flags = new_flags};
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
}

/* SECCOMP_IOCTL_NOTIF_SET_FLAGS of Linux 6.6: the answer wakes the caller on this CPU, without a detour. */
int skl_notification_wake_here(int listener) { return ioctl(listener, _IOW('!', 4, uint64_t), 1UL); }

int skl_mount_id(int fd, uint64_t *id) {
    struct statx facts;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &facts) != 0) return -1;
    if (!(facts.stx_mask & STATX_MNT_ID)) {
        errno = ENOSYS;
        return -1;
    }
    *id = facts.stx_mnt_id;
    return 0;
}

/* struct stat64 of arch/x86/include/uapi/asm/stat.h for 32 bits: everything on 4 bytes. */
struct __attribute__((packed)) i386_stat {
    uint64_t dev;
    uint8_t pad0[4];
    uint32_t short_ino, mode, nlink, uid, gid;
    uint64_t rdev;
    uint8_t pad3[4];
    int64_t size;
    uint32_t blksize;
    uint64_t blocks;
    uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
    uint64_t ino;
};
_Static_assert(sizeof(struct i386_stat) == 96, "the kernel's layout");

size_t skl_shown_stat(int fd, const struct skl_shown_owner *owner, int i386, void *out) {
    struct stat facts;
    if (fstatat(fd, "", &facts, AT_EMPTY_PATH) != 0) return 0;
    facts.st_uid = owner->uid;
    facts.st_gid = owner->gid;
    if (owner->type) {
        facts.st_mode = (facts.st_mode & 07777) | owner->type;
        facts.st_rdev = makedev(owner->major_number, owner->minor_number);
    }
    if (!i386) {
        memcpy(out, &facts, sizeof facts);
        return sizeof facts;
    }
    struct i386_stat narrow = {
        .dev = facts.st_dev, .short_ino = (uint32_t)facts.st_ino, .mode = facts.st_mode,
        .nlink = (uint32_t)facts.st_nlink, .uid = facts.st_uid, .gid = facts.st_gid, .rdev = facts.st_rdev,
        .size = facts.st_size, .blksize = (uint32_t)facts.st_blksize, .blocks = (uint64_t)facts.st_blocks,
        .atime = (uint32_t)facts.st_atim.tv_sec, .atime_nsec = (uint32_t)facts.st_atim.tv_nsec,
        .mtime = (uint32_t)facts.st_mtim.tv_sec, .mtime_nsec = (uint32_t)facts.st_mtim.tv_nsec,
        .ctime = (uint32_t)facts.st_ctim.tv_sec, .ctime_nsec = (uint32_t)facts.st_ctim.tv_nsec, .ino = facts.st_ino};
    memcpy(out, &narrow, sizeof narrow);
    return sizeof narrow;
}

size_t skl_shown_statx(int fd, const struct skl_shown_owner *owner, int flags, unsigned mask, void *out) {
    struct statx facts;
    memset(&facts, 0, sizeof facts);
    if (statx(fd, "", AT_EMPTY_PATH | (flags & AT_STATX_SYNC_TYPE), mask | STATX_TYPE | STATX_MODE, &facts) != 0) return 0;
    facts.stx_uid = owner->uid;
    facts.stx_gid = owner->gid;
    if (owner->type) {
        facts.stx_mode = (uint16_t)((facts.stx_mode & 07777) | owner->type);
        facts.stx_rdev_major = owner->major_number;
        facts.stx_rdev_minor = owner->minor_number;
    }
    memcpy(out, &facts, sizeof facts);
    return sizeof facts;
}
