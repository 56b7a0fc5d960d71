#pragma once

#include "keeper.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

/* What the keeper of a user's network waits for: descriptors, each with who answers for it. */

typedef struct bn_source {
    int file;
    uint32_t events; /* epoll(7) */
    int member;      /* whose end closes it; 0: nobody's */
    bool is_dead;
    time_t used; /* of the clock that only goes forward, in seconds */
    void *data;
    void (*ready)(struct bn_source *self, uint32_t events);
    void (*release)(struct bn_source *self); /* frees data; or NULL */
    struct bn_source *next;
} bn_source;

/* Takes over the descriptor, also when it fails: then it is closed, and NULL is answered. */
bn_source *bn_watch(int file, uint32_t events, int member, void (*ready)(bn_source *, uint32_t), void *data);
void bn_change(bn_source *source, uint32_t events);
/* Stays open, and is not waited for any more. */
void bn_ignore(bn_source *source);
/* Closes it; the memory is freed when all that is ready has been answered. */
void bn_end(bn_source *source);
void bn_end_of_member(int member);
bn_source *bn_sources(void);
time_t bn_now(void);
/* Waits and answers once. */
void bn_turn(int milliseconds);
/* How many that are alive are answered by this function. */
size_t bn_count(void (*ready)(bn_source *, uint32_t));
/* The one that was not used for the longest time; NULL without any. */
bn_source *bn_oldest(void (*ready)(bn_source *, uint32_t));
void bn_end_unused(void (*ready)(bn_source *, uint32_t), time_t seconds);

/* Connects to an address of the network that this process is in. */
int bn_connect(const bn_address *to, int type);

/* forward.c: each connection, or each sender of datagrams, of a socket that is bound gets one of its own to the address. 0, or -1
 * with errno. */
int bn_forward(int file, int type, const bn_address *to, int member);
void bn_forward_sweep(void);
/* Ends the connection that has moved nothing for the longest time. */
void bn_forward_make_room(void);

/* names.c */
int bn_names_start(void);
/* A socket for connections beside it; -1 with errno. */
int bn_names_listen(void);
/* Where questions for other names go; size 0: nowhere. */
void bn_names_ask(const bn_address *server);
void bn_names_forget(int member);
void bn_names_sweep(void);

/* A datagram with where it was sent to, which is where the answer has to come from. */
typedef struct {
    struct sockaddr_storage from;
    socklen_t from_size;
    size_t size;
    size_t control_size;
    union {
        size_t align;
        char bytes[128];
    } control;
} bn_datagram;

int bn_tell_destinations(int file);
/* -1 with errno. */
int bn_receive(int file, void *bytes, size_t limit, bn_datagram *out);
void bn_answer(int file, const void *bytes, size_t size, bn_datagram *question);
