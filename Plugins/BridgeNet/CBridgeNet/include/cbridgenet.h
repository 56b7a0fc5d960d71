#pragma once

#include <stddef.h>
#include <stdint.h>

#include "keeper.h"

/* Has the calling thread work in another network namespace; setns(2). */
int bn_enter_network(int namespace);

/* Interfaces of the network namespace that the calling thread is in, over rtnetlink(7). Each answers 0, or -1 with errno. */

/* The group of bridges and pairs; ip-link(8). Packets that come in by one of them have to come from where answers to them go. */
enum { BN_GROUP = 0x736B6966 };

/* It is started. */
int bn_add_bridge(const char *name, uint32_t mtu);
/* It is started; the peer gets its name in the namespace of the descriptor, and cannot be before both are there. mac: six bytes of
 * the peer's, or NULL; master: 0 for none. */
int bn_add_veth(const char *name, const char *peer, int peer_namespace, uint32_t mtu, const uint8_t *mac, uint32_t master);
/* kind: "macvlan" or "ipvlan"; mode: a number of linux/if_link.h. */
int bn_add_sublink(const char *kind, const char *name, uint32_t parent, uint32_t mode, int namespace, uint32_t mtu);
int bn_set_up(uint32_t index);
/* What type tuning of CNI changes. mtu, queue_length: 0 leaves it as it is; mac: six bytes, or NULL; flags: those of netdevice(7) to
 * set, of those in changed. */
int bn_tune(uint32_t index, uint32_t mtu, uint32_t queue_length, const uint8_t *mac, uint32_t flags, uint32_t changed);
/* Whether a bridge gives frames back to the port from which they come. */
int bn_set_hairpin(uint32_t index);
/* A note on an interface; ip-link(8), alias. */
int bn_set_alias(uint32_t index, const char *alias);
/* At most size bytes with the zero; an interface without one has an empty alias. */
int bn_alias(uint32_t index, char *alias, size_t size);
/* Has an interface carry nothing more, and puts it into a group; ip-link(8). name: its new name, or NULL. */
int bn_retire_link(uint32_t index, uint32_t group, const char *name);
/* Deletes all interfaces of a group at once: the kernel waits once for all that may still use one. ENODEV: there is none. */
int bn_delete_group(uint32_t group);
/* The same in a process of its own, which removes the file at the path afterwards and has it locked until then, by flock(2).
 * file: that lock, lent; socket: one that it closes at its end, lent, or -1. 0 when it has begun. */
int bn_delete_group_aside(uint32_t group, int file, int socket, const char *path);
/* How many interfaces have this master; -1 with errno. */
int bn_count_ports(uint32_t master);
/* Bytes of an address of inet_pton(3), 4 or 16. An address that is there already is no error. */
int bn_add_address(uint32_t index, const uint8_t *address, size_t size, uint8_t prefix);
/* gateway: NULL for a route to the link itself. */
int bn_add_route(uint32_t index, const uint8_t *destination, size_t size, uint8_t prefix, const uint8_t *gateway);
/* The interface of the default route of IPv4; 0 where there is none. */
uint32_t bn_default_link(void);

#define BN_TABLE "skiff"

/* A transaction of nf_tables on table inet BN_TABLE of this network namespace. */
typedef struct bn_batch bn_batch;

/* NULL without memory. */
bn_batch *bn_batch_begin(void);
/* The table with its chains and empty sets; EEXIST if it is there. `Rules` shows it. */
void bn_batch_table(bn_batch *batch);
/* The table of a user's network. */
void bn_batch_uplink_table(bn_batch *batch);
void bn_batch_remove_table(bn_batch *batch);
/* Adds or removes one element; end: the upper end of an interval, or NULL; data: of a map, or NULL. */
void bn_batch_element(
    bn_batch *batch, int is_new, const char *set, const uint8_t *key, const uint8_t *end, size_t key_size, const uint8_t *data,
    size_t data_size);
/* Carries it out and frees it. 0, or -1 with errno: nothing was done. ENOENT: no table, or no such element. EEXIST: it is there.
 * socket: NULL, or where to leave the socket, -1 without any. When something was removed, its close waits until the kernel has
 * freed that, which takes longer than a start. */
int bn_batch_send(bn_batch *batch, int *socket);
/* Whether there is a table. To try costs more than to ask: a transaction that is refused waits for all who use the rules. */
int bn_has_table(void);

/* A chain of nf_tables through which forwarded packets of this network namespace go. */
typedef struct {
    uint8_t family; /* NFPROTO_ of linux/netfilter.h */
    uint8_t drops;  /* what none of its rules decides */
    char table[64], name[64];
} bn_chain;

/* Those of others. Answers how many there are, at most limit. */
size_t bn_forward_chains(bn_chain *out, size_t limit);
/* Has a program like iptables-restore(8) carry out rules, all or none. Answers its exit status, or -1. */
int bn_restore_rules(const char *program, const char *rules);

/* A file in memory, from the start; memfd_create(2). */
int bn_memory_file(const void *bytes, size_t count);

/* Reserves a port of this host; bind(2). Answers a descriptor, or -1 with errno. */
int bn_bind(const uint8_t *address, size_t size, uint16_t port, int is_udp);
