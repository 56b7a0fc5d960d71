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
