#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* A socket that is bound on the host, or one of the keeper's own, leads to an address of the network. */
typedef struct {
    bn_address to;
} bn_target;

static void free_data(bn_source *self) { free(self->data); }

/* Connections, and senders of datagrams, that one keeper has at a time. */
enum { most_streams = 1024, most_flows = 1024, stream_buffer = 32768, flow_seconds = 90 };

/* -- connections */

typedef struct {
    bn_source *side[2];
    /* What side 0 has sent and side 1 not taken yet, and the other way round. */
    struct {
        char *bytes;
        size_t start, count;
        bool has_ended, is_told;
    } flow[2];
    /* Neither sends nor takes anything any more. */
    bool is_gone[2];
    bool is_connecting;
    int holders;
} bn_stream;

static void free_stream(bn_source *self) {
    bn_stream *stream = self->data;
    if (--stream->holders > 0) return;
    free(stream->flow[0].bytes);
    free(stream->flow[1].bytes);
    free(stream);
}

static void end_stream(bn_stream *stream) {
    for (int at = 0; at < 2; at++)
        if (stream->side[at]) bn_end(stream->side[at]);
}

/* Moves what can be moved from one side to the other. Answers false when the connection is broken. */
static bool move(bn_stream *stream, int from) {
    if (stream->is_gone[1 - from]) return true;
    int in = stream->side[from]->file, out = stream->side[1 - from]->file;
    for (int turns = 0; turns < 16; turns++) {
        bool has_moved = false;
        if (!stream->flow[from].has_ended && stream->flow[from].count == 0) {
            ssize_t count = read(in, stream->flow[from].bytes, stream_buffer);
            if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
            if (count == 0) stream->flow[from].has_ended = true;
            stream->flow[from].start = 0;
            stream->flow[from].count = count > 0 ? (size_t)count : 0;
        }
        if (stream->flow[from].count > 0) {
            ssize_t count = send(out, stream->flow[from].bytes + stream->flow[from].start, stream->flow[from].count, MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN && errno != EINTR) return false;
            if (count > 0) {
                stream->flow[from].start += (size_t)count;
                stream->flow[from].count -= (size_t)count;
                has_moved = true;
            }
        }
        if (!has_moved || stream->flow[from].count > 0) break;
    }
    if (stream->flow[from].has_ended && stream->flow[from].count == 0 && !stream->flow[from].is_told) {
        stream->flow[from].is_told = true;
        shutdown(out, SHUT_WR);
    }
    return true;
}

static void stream_ready(bn_source *self, uint32_t events) {
    bn_stream *stream = self->data;
    if (stream->is_connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        if (self != stream->side[1]) {
            /* Who connected has gone before anybody was reached. */
            if (events & (EPOLLHUP | EPOLLERR)) end_stream(stream);
            return;
        }
        if (getsockopt(self->file, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return end_stream(stream);
        stream->is_connecting = false;
    } else if (events & EPOLLERR) {
        return end_stream(stream);
    }
    if (!move(stream, 0) || !move(stream, 1)) return end_stream(stream);
    if (stream->flow[0].is_told && stream->flow[1].is_told) return end_stream(stream);
    int own = self == stream->side[0] ? 0 : 1;
    /* Only once all that it has sent is read: until then it is told of again. */
    if (events & EPOLLHUP && stream->flow[own].has_ended && !stream->is_gone[own]) {
        stream->is_gone[own] = true;
        bn_ignore(self);
    }
    for (int at = 0; at < 2; at++) {
        if (stream->is_gone[at] && (stream->flow[at].count == 0 || stream->is_gone[1 - at])) return end_stream(stream);
        uint32_t wanted = stream->flow[at].has_ended || stream->flow[at].count > 0 ? 0 : EPOLLIN;
        if (stream->flow[1 - at].count > 0) wanted |= EPOLLOUT;
        bn_change(stream->side[at], wanted);
    }
}

static void open_stream(int client, const bn_address *to, int member) {
    bn_stream *stream = calloc(1, sizeof *stream);
    int target = stream ? bn_connect(to, SOCK_STREAM) : -1;
    if (target < 0) {
        close(client);
        free(stream);
        return;
    }
    stream->is_connecting = true;
    stream->flow[0].bytes = malloc(stream_buffer);
    stream->flow[1].bytes = malloc(stream_buffer);
    stream->side[0] = bn_watch(client, 0, member, stream_ready, stream);
    stream->side[1] = bn_watch(target, EPOLLOUT, member, stream_ready, stream);
    for (int at = 0; at < 2; at++) {
        if (!stream->side[at]) continue;
        stream->holders++;
        stream->side[at]->release = free_stream;
    }
    bool is_whole = stream->side[0] && stream->side[1] && stream->flow[0].bytes && stream->flow[1].bytes;
    if (stream->holders == 0) {
        free(stream->flow[0].bytes);
        free(stream->flow[1].bytes);
        free(stream);
    } else if (!is_whole) {
        end_stream(stream);
    }
}

void bn_forward_make_room(void) {
    bn_source *oldest = bn_oldest(stream_ready);
    if (oldest) end_stream(oldest->data);
}

static void stream_listener_ready(bn_source *self, uint32_t events) {
    bn_target *target = self->data;
    (void)events;
    for (int turns = 0; turns < 64; turns++) {
        int client = accept4(self->file, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0) {
            /* Whoever waits longest makes room, or this would be asked for again at once. */
            if (errno == EMFILE || errno == ENFILE) bn_forward_make_room();
            return;
        }
        if (bn_count(stream_ready) >= 2 * most_streams) bn_forward_make_room();
        open_stream(client, &target->to, self->member);
    }
}

/* -- datagrams */

typedef struct {
    bn_datagram sender;
    int outside; /* of the socket that is bound; lives as long as its member */
} bn_flow;

static void flow_ready(bn_source *self, uint32_t events) {
    bn_flow *flow = self->data;
    static char bytes[65536];
    (void)events;
    for (int turns = 0; turns < 64; turns++) {
        ssize_t count = recv(self->file, bytes, sizeof bytes, MSG_DONTWAIT);
        if (count < 0) {
            /* Nobody listens there now; another datagram may come later. */
            if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED) bn_end(self);
            return;
        }
        bn_answer(flow->outside, bytes, (size_t)count, &flow->sender);
    }
}

static bn_source *find_flow(const bn_datagram *datagram, int outside) {
    for (bn_source *one = bn_sources(); one; one = one->next) {
        if (one->is_dead || one->ready != flow_ready) continue;
        const bn_flow *flow = one->data;
        if (flow->outside == outside && flow->sender.from_size == datagram->from_size
            && memcmp(&flow->sender.from, &datagram->from, datagram->from_size) == 0)
            return one;
    }
    return NULL;
}

static bn_source *open_flow(const bn_source *outside) {
    bn_target *target = outside->data;
    if (bn_count(flow_ready) >= most_flows) bn_end(bn_oldest(flow_ready));
    bn_flow *flow = calloc(1, sizeof *flow);
    int file = flow ? bn_connect(&target->to, SOCK_DGRAM) : -1;
    bn_source *made = file < 0 ? NULL : bn_watch(file, EPOLLIN, outside->member, flow_ready, flow);
    if (!made) {
        free(flow);
        return NULL;
    }
    made->release = free_data;
    flow->outside = outside->file;
    return made;
}

static void datagrams_ready(bn_source *self, uint32_t events) {
    static char bytes[65536];
    (void)events;
    for (int turns = 0; turns < 64; turns++) {
        bn_datagram datagram;
        memset(&datagram, 0, sizeof datagram);
        if (bn_receive(self->file, bytes, sizeof bytes, &datagram) != 0) return;
        bn_source *found = find_flow(&datagram, self->file);
        if (!found) found = open_flow(self);
        if (!found) continue;
        ((bn_flow *)found->data)->sender = datagram;
        found->used = bn_now();
        (void)send(found->file, bytes, datagram.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

int bn_forward(int file, int type, const bn_address *to, int member) {
    bn_target *target = calloc(1, sizeof *target);
    int flags = fcntl(file, F_GETFL);
    if (!target || flags < 0 || fcntl(file, F_SETFL, flags | O_NONBLOCK) != 0 || (type == SOCK_DGRAM && bn_tell_destinations(file) != 0)) {
        int error = errno;
        free(target);
        close(file);
        errno = error;
        return -1;
    }
    target->to = *to;
    bn_source *made = bn_watch(file, EPOLLIN, member, type == SOCK_STREAM ? stream_listener_ready : datagrams_ready, target);
    if (!made) {
        free(target);
        return -1;
    }
    made->release = free_data;
    return 0;
}

void bn_forward_sweep(void) { bn_end_unused(flow_ready, flow_seconds); }
