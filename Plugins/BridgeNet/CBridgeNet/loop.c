#include "loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int loop = -1;
static bn_source *all;

bn_source *bn_sources(void) { return all; }

time_t bn_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

bn_source *bn_watch(int file, uint32_t events, int member, void (*ready)(bn_source *, uint32_t), void *data) {
    if (loop < 0) loop = epoll_create1(EPOLL_CLOEXEC);
    bn_source *made = calloc(1, sizeof *made);
    struct epoll_event event = {.events = events, .data.ptr = made};
    if (!made || loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, file, &event) != 0) {
        int error = errno;
        free(made);
        close(file);
        errno = error;
        return NULL;
    }
    *made = (bn_source){.file = file, .events = events, .member = member, .used = bn_now(), .data = data, .ready = ready, .next = all};
    all = made;
    return made;
}

void bn_change(bn_source *source, uint32_t events) {
    if (source->is_dead || source->events == events) return;
    struct epoll_event event = {.events = events, .data.ptr = source};
    source->events = events;
    epoll_ctl(loop, EPOLL_CTL_MOD, source->file, &event);
}

void bn_ignore(bn_source *source) {
    if (!source->is_dead) epoll_ctl(loop, EPOLL_CTL_DEL, source->file, NULL);
}

void bn_end(bn_source *source) {
    if (source->is_dead) return;
    source->is_dead = true;
    /* A copy of the descriptor in another process would keep it in the loop. */
    epoll_ctl(loop, EPOLL_CTL_DEL, source->file, NULL);
    close(source->file);
}

void bn_end_of_member(int member) {
    for (bn_source *one = all; one; one = one->next)
        if (one->member == member) bn_end(one);
}

static void free_dead(void) {
    bn_source **place = &all;
    while (*place) {
        bn_source *one = *place;
        if (!one->is_dead) {
            place = &one->next;
            continue;
        }
        *place = one->next;
        if (one->release) one->release(one);
        free(one);
    }
}

void bn_turn(int milliseconds) {
    struct epoll_event ready[64];
    int count = epoll_wait(loop, ready, 64, milliseconds);
    for (int at = 0; at < count; at++) {
        bn_source *one = ready[at].data.ptr;
        /* One of those before may have ended it. */
        if (one->is_dead) continue;
        one->used = bn_now();
        one->ready(one, ready[at].events);
    }
    free_dead();
}

size_t bn_count(void (*ready)(bn_source *, uint32_t)) {
    size_t count = 0;
    for (bn_source *one = all; one; one = one->next) count += !one->is_dead && one->ready == ready;
    return count;
}

bn_source *bn_oldest(void (*ready)(bn_source *, uint32_t)) {
    bn_source *oldest = NULL;
    for (bn_source *one = all; one; one = one->next)
        if (!one->is_dead && one->ready == ready && (!oldest || one->used <= oldest->used)) oldest = one;
    return oldest;
}

void bn_end_unused(void (*ready)(bn_source *, uint32_t), time_t seconds) {
    time_t now = bn_now();
    for (bn_source *one = all; one; one = one->next)
        if (one->ready == ready && now - one->used > seconds) bn_end(one);
}

int bn_connect(const bn_address *to, int type) {
    int file = socket(to->size == 4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0) return -1;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(to->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};
    memcpy(&four.sin_addr, to->bytes, 4);
    memcpy(&six.sin6_addr, to->bytes, 16);
    int done = to->size == 4 ? connect(file, (struct sockaddr *)&four, sizeof four) : connect(file, (struct sockaddr *)&six, sizeof six);
    if (done == 0 || errno == EINPROGRESS) return file;
    int error = errno;
    close(file);
    errno = error;
    return -1;
}

int bn_tell_destinations(int file) {
    int one = 1, domain = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return -1;
    return domain == AF_INET ? setsockopt(file, IPPROTO_IP, IP_PKTINFO, &one, sizeof one)
                             : setsockopt(file, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
}

int bn_receive(int file, void *bytes, size_t limit, bn_datagram *out) {
    struct iovec part = {bytes, limit};
    struct msghdr message = {.msg_name = &out->from, .msg_namelen = sizeof out->from, .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = out->control.bytes, .msg_controllen = sizeof out->control.bytes};
    ssize_t count = recvmsg(file, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0) return -1;
    out->from_size = message.msg_namelen;
    out->size = (size_t)count;
    out->control_size = message.msg_flags & MSG_CTRUNC ? 0 : message.msg_controllen;
    return 0;
}

void bn_answer(int file, const void *bytes, size_t size, bn_datagram *question) {
    struct iovec part = {(void *)bytes, size};
    struct msghdr message = {.msg_name = &question->from, .msg_namelen = question->from_size, .msg_iov = &part, .msg_iovlen = 1};
    if (question->control_size > 0) {
        message.msg_control = question->control.bytes;
        message.msg_controllen = question->control_size;
        /* By any interface that leads there; ip(7). */
        for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
            if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO)
                ((struct in_pktinfo *)CMSG_DATA(one))->ipi_ifindex = 0;
            if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
                struct in6_pktinfo *place = (struct in6_pktinfo *)CMSG_DATA(one);
                if (!IN6_IS_ADDR_LINKLOCAL(&place->ipi6_addr)) place->ipi6_ifindex = 0;
            }
        }
    }
    /* One that is lost is asked for again. */
    (void)sendmsg(file, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}
