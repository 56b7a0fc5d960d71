#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Answers for the names of containers (RFC 1035) and passes other questions on. */

typedef struct bn_name {
    char text[254];
    bn_address address;
    int member, network;
    struct bn_name *next;
} bn_name;

enum { most_names = 4096, most_questions = 256, question_seconds = 10, header_bytes = 12 };
enum { type_a = 1, type_aaaa = 28, type_any = 255, class_internet = 1 };

static bn_name *names;
static bn_address server;

int bn_names_add(const char *text, const bn_address *address, int member, int network) {
    size_t count = 0;
    for (const bn_name *one = names; one; one = one->next) count++;
    bn_name *made = count < most_names ? calloc(1, sizeof *made) : NULL;
    if (!made || strlen(text) >= sizeof made->text) {
        free(made);
        errno = ENOSPC;
        return -1;
    }
    strcpy(made->text, text);
    made->address = *address;
    made->member = member;
    made->network = network < 0 ? -1 : fcntl(network, F_DUPFD_CLOEXEC, 3);
    made->next = names;
    names = made;
    return 0;
}

void bn_names_forget(int member) {
    bn_name **place = &names;
    while (*place) {
        bn_name *one = *place;
        if (one->member != member) {
            place = &one->next;
            continue;
        }
        *place = one->next;
        if (one->network >= 0) close(one->network);
        free(one);
    }
}

int bn_names_network(const char *text) {
    for (const bn_name *one = names; one; one = one->next)
        if (strcmp(one->text, text) == 0 && one->network >= 0) return one->network;
    errno = ENOENT;
    return -1;
}

void bn_names_ask(const bn_address *to) { server = *to; }

/* -- what is known here */

typedef struct {
    char name[254];
    uint16_t type;
    size_t end; /* of the question, in the message */
} bn_question;

/* Reads the one question of a message. */
static bool read_question(const uint8_t *bytes, size_t size, bn_question *out) {
    size_t at = header_bytes, used = 0;
    /* A question, of the usual kind, and one of them. */
    if (size < header_bytes || bytes[2] & 0xF8 || bytes[4] != 0 || bytes[5] != 1) return false;
    while (at < size && bytes[at] != 0) {
        size_t length = bytes[at++];
        /* No pointers: there is nothing before it that they could lead to. */
        if (length > 63 || at + length >= size || used + length + 1 >= sizeof out->name) return false;
        if (used > 0) out->name[used++] = '.';
        memcpy(out->name + used, bytes + at, length);
        used += length;
        at += length;
    }
    if (at + 5 > size) return false;
    out->name[used] = 0;
    /* A zero in it would make it look like another one. */
    if (strlen(out->name) != used) return false;
    out->type = (uint16_t)(bytes[at + 1] << 8 | bytes[at + 2]);
    out->end = at + 5;
    return bytes[at + 3] == 0 && bytes[at + 4] == class_internet;
}

size_t bn_names_answer(const uint8_t *bytes, size_t length, uint8_t *answer) {
    bn_question question;
    bool is_known = false;
    if (!read_question(bytes, length, &question)) return 0;
    size_t size = question.end, count = 0;
    memcpy(answer, bytes, size);
    for (const bn_name *one = names; one; one = one->next) {
        if (strcasecmp(one->text, question.name) != 0) continue;
        is_known = true;
        uint16_t type = one->address.size == 4 ? type_a : type_aaaa;
        if ((question.type != type && question.type != type_any) || size + 12 + one->address.size > 512) continue;
        /* The name as a pointer to the question's; five seconds. */
        const uint8_t record[] = {0xC0, header_bytes, 0, (uint8_t)type, 0, class_internet, 0, 0, 0, 5, 0, one->address.size};
        memcpy(answer + size, record, sizeof record);
        memcpy(answer + size + sizeof record, one->address.bytes, one->address.size);
        size += sizeof record + one->address.size;
        count++;
    }
    answer[2] = (uint8_t)(0x84 | (bytes[2] & 1));
    answer[3] = 0x80;
    memset(answer + 6, 0, 6);
    answer[7] = (uint8_t)count;
    return is_known ? size : 0;
}

/* -- the others */

typedef struct {
    bn_datagram sender;
    uint8_t number[2];
    int socket;
} bn_pending;

static void free_pending(bn_source *self) { free(self->data); }

static void pending_ready(bn_source *self, uint32_t events) {
    bn_pending *pending = self->data;
    uint8_t bytes[bn_longest_question];
    (void)events;
    ssize_t count = recv(self->file, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    /* Only the server reaches this socket, with an answer to this question. */
    if (count >= header_bytes && (memcmp(bytes, pending->number, 2) != 0 || !(bytes[2] & 0x80))) return;
    if (count >= header_bytes) bn_answer(pending->socket, bytes, (size_t)count, &pending->sender);
    bn_end(self);
}

static bool pass_on(int socket, const uint8_t *bytes, const bn_datagram *question) {
    if (server.size == 0) return false;
    if (bn_count(pending_ready) >= most_questions) bn_end(bn_oldest(pending_ready));
    bn_pending *pending = calloc(1, sizeof *pending);
    int file = pending ? bn_connect(&server, SOCK_DGRAM) : -1;
    bn_source *made = file < 0 ? NULL : bn_watch(file, EPOLLIN, 0, pending_ready, pending);
    if (!made) {
        free(pending);
        return false;
    }
    made->release = free_pending;
    pending->sender = *question;
    pending->socket = socket;
    memcpy(pending->number, bytes, 2);
    return send(file, bytes, question->size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void questions_ready(bn_source *self, uint32_t events) {
    (void)events;
    for (int turns = 0; turns < 32; turns++) {
        uint8_t bytes[bn_longest_question], answer[bn_longest_question];
        bn_datagram datagram;
        memset(&datagram, 0, sizeof datagram);
        if (bn_receive(self->file, bytes, sizeof bytes, &datagram) != 0) return;
        if (datagram.size < header_bytes || bytes[2] & 0x80) continue;
        size_t size = bn_names_answer(bytes, datagram.size, answer);
        if (size > 0) {
            bn_answer(self->file, answer, size, &datagram);
        } else if (!pass_on(self->file, bytes, &datagram)) {
            /* SERVFAIL, without anything else of the question. */
            memcpy(answer, bytes, header_bytes);
            answer[2] = (uint8_t)(0x80 | (bytes[2] & 0x79));
            answer[3] = 0x82;
            memset(answer + 4, 0, 8);
            bn_answer(self->file, answer, header_bytes, &datagram);
        }
    }
}

/* At all addresses of the network, of both families. */
static int make_socket(int type) {
    int file = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), zero = 0;
    struct sockaddr_in6 place = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    if (file < 0) return -1;
    if (setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) == 0 && bind(file, (struct sockaddr *)&place, sizeof place) == 0
        && (type == SOCK_DGRAM ? bn_tell_destinations(file) : listen(file, 64)) == 0)
        return file;
    int error = errno;
    close(file);
    errno = error;
    return -1;
}

int bn_names_listen(void) { return make_socket(SOCK_STREAM); }

int bn_names_start(void) {
    int file = make_socket(SOCK_DGRAM);
    return file >= 0 && bn_watch(file, EPOLLIN, 0, questions_ready, NULL) ? 0 : -1;
}

void bn_names_sweep(void) { bn_end_unused(pending_ready, question_seconds); }
