#pragma once

#include <stddef.h>
#include <stdint.h>

#include "keeper.h"

/* Interfaces of the network namespace that the calling thread is in, over rtnetlink(7). Each answers 0, or -1 with errno. */

int bn_add_bridge(const char *name, uint32_t mtu);
/* The peer gets its name in the namespace of the descriptor. mac: six bytes, or NULL. */
int bn_add_veth(const char *name, const char *peer, int peer_namespace, uint32_t mtu, const uint8_t *mac);
/* kind: "macvlan" or "ipvlan"; mode: a number of linux/if_link.h. */
int bn_add_sublink(const char *kind, const char *name, uint32_t parent, uint32_t mode, int namespace, uint32_t mtu);
int bn_set_up(uint32_t index);
int bn_set_master(uint32_t index, uint32_t master);
/* Whether a bridge gives frames back to the port from which they come. */
int bn_set_hairpin(uint32_t index);
/* A note on an interface; ip-link(8), alias. */
int bn_set_alias(uint32_t index, const char *alias);
/* At most size bytes with the zero; an interface without one has an empty alias. */
int bn_alias(uint32_t index, char *alias, size_t size);
int bn_delete_link(const char *name);
/* How many interfaces have this master; -1 with errno. */
int bn_count_ports(uint32_t master);
/* Bytes of an address of inet_pton(3), 4 or 16. An address that is there already is no error. */
int bn_add_address(uint32_t index, const uint8_t *address, size_t size, uint8_t prefix);
/* gateway: NULL for a route to the link itself. */
int bn_add_route(uint32_t index, const uint8_t *destination, size_t size, uint8_t prefix, const uint8_t *gateway);
/* The interface of the default route of IPv4; 0 where there is none. */
uint32_t bn_default_link(void);

/* Runs commands of nft(8) by libnftables, which is opened at the first call. Answers 0; 1 when the kernel or the library
 * refuses them, with its words in why; -1 when there is no library. */
int bn_nft(const char *commands, char *why, size_t size);

/* A file in memory, from the start; memfd_create(2). */
int bn_memory_file(const void *bytes, size_t count);

/* Reserves a port of this host; bind(2). Answers a descriptor, or -1 with errno. */
int bn_bind(const uint8_t *address, size_t size, uint16_t port, int is_udp);
