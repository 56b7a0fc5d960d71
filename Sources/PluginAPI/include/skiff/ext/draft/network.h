/* skiff.network/1 (draft): a network for a container, given by the plugin.
 *
 * Order: validate in configure; prepare asks for SKIFF_NAMESPACE_NETWORK; the core clones the child, which waits;
 * attach; the child goes on. So an interface is up before the first instruction of the container's program. */
#ifndef SKIFF_EXT_NETWORK_H
#define SKIFF_EXT_NETWORK_H

#include "../../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_NETWORK "skiff.network/1"

typedef struct skiff_network_request {
    uint32_t struct_size;
    uint32_t argument_count;
    const char *network;          /* one word of --network */
    const char *const *arguments; /* of --network-args that belong to it, "key=value" */
    const char *container;        /* a name for this container that no other one has now */
} skiff_network_request;

typedef struct skiff_network_place {
    uint32_t struct_size;
    int32_t netns_fd; /* of the container; borrowed */
    int32_t user_fd;  /* the user namespace that owns it, or -1 when that is the caller's own; borrowed */
    int32_t pid;      /* the waiting child */
} skiff_network_place;

typedef struct skiff_network {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] SKIFF_DECLINED: not a network of this plugin. */
    int32_t (*validate)(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request);
    /* [parent] between clone and the release of the child. What it makes on the host it first writes down through
     * skiff.host.undo/1; an uplink of its own it starts through skiff.host.run/1. */
    int32_t (*attach)(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request,
                      const skiff_network_place *place);
    /* [parent] after the last process of the container, before stopped; also after a failed attach. */
    int32_t (*detach)(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request);
} skiff_network;

SKIFF_END

#endif
