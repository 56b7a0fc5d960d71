/* skiff.host.network/1: what an attached network tells the host, given by the host. */
#ifndef SKIFF_HOST_NETWORK_H
#define SKIFF_HOST_NETWORK_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_NETWORK "skiff.host.network/1"

/* skiff_network_result.kind. An address is one of IPv4 or IPv6, without brackets. */
#define SKIFF_NETWORK_ADDRESS 1     /* value: of the container, with its prefix, "10.22.0.2/16"; instance list shows the first */
#define SKIFF_NETWORK_GATEWAY 2     /* value: an address */
#define SKIFF_NETWORK_ROUTE 3       /* value: "0.0.0.0/0"; detail: the address of the gateway, or NULL */
#define SKIFF_NETWORK_NAME_SERVER 4 /* value: an address, for resolv.conf unless the user gave --dns */
#define SKIFF_NETWORK_SEARCH 5      /* value: a domain, for resolv.conf unless the user gave --dns */
#define SKIFF_NETWORK_HOST 6        /* value: an address; detail: its names between blanks, for /etc/hosts */
#define SKIFF_NETWORK_PORT 7        /* value: what is reached outside, "127.0.0.1:8080/tcp"; detail: the port inside */

typedef struct skiff_network_result {
    uint32_t struct_size;
    uint32_t kind;
    const char *value;
    const char *detail; /* or NULL */
} skiff_network_result;

typedef struct skiff_host_network {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] during attach of skiff.network/2. What it says reaches /etc/resolv.conf and /etc/hosts of the container,
     * instance list, and detach. */
    int32_t (*tell)(skiff_session *session, const skiff_network_result *result);
} skiff_host_network;

SKIFF_END

#endif
