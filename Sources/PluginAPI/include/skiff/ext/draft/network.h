/* skiff.network/2 (draft): networks of containers, which --network names; given by the plugin.
 *
 * The key networks of the manifest says which ones: names, or * for any that nobody names. For each word of --network:
 * validate in configure; prepare in prepare; the core makes the container's first process, which waits in its network
 * namespace; attach; the process goes on. So an interface is up before anything of the image runs. detach when the container has ended. */
#ifndef SKIFF_EXT_NETWORK_H
#define SKIFF_EXT_NETWORK_H

#include "../../host/network.h"
#include "../../place.h"

SKIFF_BEGIN

#define SKIFF_EXT_NETWORK "skiff.network/2"

typedef struct skiff_network_request {
    uint32_t struct_size;
    uint32_t index;               /* its place in --network, from 0 */
    const char *network;          /* one word of --network */
    const char *interface_name;   /* its interface in the container: "eth0" and so on by index */
    const char *container;        /* a name that no other container of this host has now; letters, digits and dashes */
    const char *const *arguments; /* of --network-args for this network, "key=value" */
    uint64_t argument_count;
} skiff_network_request;

typedef struct skiff_network {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] in configure. SKIFF_DECLINED: not a network of this plugin, the next one is asked. */
    int32_t (*validate)(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request);
    /* [parent] in prepare, while the plan is open: notes for --explain, sysctls, a namespace to join. May be NULL. */
    int32_t (*prepare)(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request);
    /* [parent] Called for each network in the order of --network. What it makes outside of the container it first writes down
     * through skiff.host.undo/2; a helper that lives as long as the container it starts through skiff.host.run/2; inside it
     * works by skiff.host.inside/1. A negative status ends the command. */
    int32_t (*attach)(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request,
                      const skiff_place *place);
    /* [parent] after the last process of the container, in reverse order, also after a failed attach; before helpers are
     * ended, records are carried out and stopped is called. The namespaces are still there, pid and pidfd are -1. results
     * is what attach has told. When the command is killed, nobody calls it: then there are the records alone. */
    int32_t (*detach)(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request,
                      const skiff_place *place, const skiff_network_result *results, uint64_t result_count,
                      uint64_t result_size);
} skiff_network;

SKIFF_END

#endif
