/* skiff.host.inside/1: work in the namespaces of a container, given by the host. */
#ifndef SKIFF_HOST_INSIDE_H
#define SKIFF_HOST_INSIDE_H

#include "../place.h"

SKIFF_BEGIN

#define SKIFF_HOST_INSIDE "skiff.host.inside/1"

/* which: any of */
#define SKIFF_INSIDE_USER 0x1
#define SKIFF_INSIDE_NETWORK 0x2
#define SKIFF_INSIDE_IPC 0x4
#define SKIFF_INSIDE_UTS 0x8

typedef int32_t skiff_inside_fn(void *context);

typedef struct skiff_host_inside {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Runs fn(context) in a process of its own that has entered these namespaces, and waits for it, for at most
     * timeout_milliseconds (0: ten seconds). It is a copy of the command: what fn writes to memory is lost, what it says
     * through fail is not. In the user namespace it has all capabilities. Its status is the answer. A namespace that the
     * container has not of its own is that of the command. SKIFF_E_TIMEOUT, SKIFF_E_CANCELLED: it was killed.
     * SKIFF_E_INTERNAL: it crashed or called exit. */
    int32_t (*run)(skiff_session *session, const skiff_place *place, uint32_t which, int32_t timeout_milliseconds,
                   skiff_inside_fn *fn, void *context);
} skiff_host_inside;

SKIFF_END

#endif
