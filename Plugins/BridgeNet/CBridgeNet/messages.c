#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The way to the keeper: a socket with a path, and messages that may bring a descriptor. */

/* A path that has no room in an address goes by a descriptor of its directory; unix(7). */
static int address_of(const char *path, struct sockaddr_un *place) {
    place->sun_family = AF_UNIX;
    const char *name = strrchr(path, '/');
    if (strlen(path) < sizeof place->sun_path || !name) {
        snprintf(place->sun_path, sizeof place->sun_path, "%s", path);
        return -1;
    }
    char directory[4096];
    snprintf(directory, sizeof directory, "%.*s", (int)(name - path), path);
    int file = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(place->sun_path, sizeof place->sun_path, "/proc/self/fd/%d%s", file, name);
    return file;
}

static int at_path(const char *path, int (*act)(int, const struct sockaddr *, socklen_t)) {
    struct sockaddr_un place = {0};
    int directory = address_of(path, &place);
    int file = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int result = file < 0 ? -1 : act(file, (struct sockaddr *)&place, sizeof place);
    int error = errno;
    if (directory >= 0) close(directory);
    if (result == 0) return file;
    if (file >= 0) close(file);
    errno = error;
    return -1;
}

static int listen_at(int file, const struct sockaddr *place, socklen_t size) {
    return bind(file, place, size) == 0 ? listen(file, 512) : -1;
}

int bn_listen_at(const char *path) { return at_path(path, listen_at); }

int bn_connect_at(const char *path) { return at_path(path, connect); }

ssize_t bn_receive_with(int file, char *bytes, size_t limit, int *descriptor) {
    struct iovec part = {bytes, limit};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *descriptor = -1;
    ssize_t count = recvmsg(file, &message, MSG_CMSG_CLOEXEC);
    if (count < 0) return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        memcpy(descriptor, CMSG_DATA(header), sizeof(int));
        /* The padding has room for another one. */
        for (size_t at = CMSG_LEN(sizeof(int)); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
            int more;
            memcpy(&more, (char *)header + at, sizeof more);
            close(more);
        }
    }
    return count;
}

ssize_t bn_send_with(int file, const void *bytes, size_t size, int descriptor) {
    struct iovec part = {(void *)bytes, size};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    return sendmsg(file, &message, MSG_NOSIGNAL);
}

int bn_ask(int socket, const void *message, size_t size, int descriptor, int *answered, char *why, size_t why_size) {
    char bytes[512];
    if (bn_send_with(socket, message, size, descriptor) < 0) return -1;
    ssize_t count;
    int with = -1;
    do count = bn_receive_with(socket, bytes, sizeof bytes - 1, &with);
    while (count < 0 && errno == EINTR);
    if (answered)
        *answered = with;
    else if (with >= 0)
        close(with);
    int error = EPIPE;
    if (count >= (ssize_t)sizeof error) memcpy(&error, bytes, sizeof error);
    if (why_size > 0) {
        bytes[count > 0 ? count : 0] = 0;
        snprintf(why, why_size, "%s", count > (ssize_t)sizeof error ? bytes + sizeof error : "");
    }
    if (error == 0) return 0;
    errno = error;
    return -1;
}
