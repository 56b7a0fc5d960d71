#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BN_UPLINK "uplink0"
/* pasta answers there for the host's name server. */
#define BN_PASTA_DNS "169.254.1.53"

/* The process that has the network of a user's containers. */
typedef struct {
    int listener; /* SOCK_SEQPACKET, listening at the address */
    int lock;     /* an open file of its own, which is locked by whoever connects */
    char address[4096];
    char uplink[4096]; /* pasta, or slirp4netns; empty without any */
    int is_pasta;
} bn_keeper;

/* Starts it. Answers its process id when it waits for the maps of its ids, or -1 with errno. */
pid_t bn_start_keeper(const bn_keeper *given, int *to_keeper, int *from_keeper);
/* Tells it that the maps are written; 0 when it serves. Closes both descriptors. */
int bn_keeper_is_ready(int to_keeper, int from_keeper);

/* A socket of messages at a path; -1 with errno. */
int bn_listen_at(const char *path);
int bn_connect_at(const char *path);

/* One message with a descriptor, or -1. */
ssize_t bn_receive_with(int file, char *bytes, size_t limit, int *descriptor);
ssize_t bn_send_with(int file, const void *bytes, size_t size, int descriptor);

/* Asks the keeper; keeper.c has the messages. descriptor: lent, or -1; answered: one that came with the answer, or -1; or NULL.
 * 0, or -1 with errno and what the keeper says. */
int bn_ask(int socket, const void *message, size_t size, int descriptor, int *answered, char *why, size_t why_size);

/* An address of a container, or of whoever answers for it. */
typedef struct {
    uint8_t bytes[16];
    uint8_t size; /* 4 or 16 */
    uint16_t port;
} bn_address;

enum { bn_longest_question = 4096 };

/* Adds a name as long as a member lives. network: of the container, lent, or -1. 0, or -1 with errno. */
int bn_names_add(const char *name, const bn_address *address, int member, int network);
/* The network of a name, which stays the keeper's; -1 with errno. */
int bn_names_network(const char *name);
/* Answers a message of DNS (RFC 1035) by the names that were added. bytes: at most bn_longest_question; answer has as much room.
 * 0: it is no question, or one for a name that is not known. */
size_t bn_names_answer(const uint8_t *bytes, size_t size, uint8_t *answer);
