/* skiff.host.message/1: from a plugin in the container's process to the same plugin in the command, given by the host. */
#ifndef SKIFF_HOST_MESSAGE_H
#define SKIFF_HOST_MESSAGE_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_MESSAGE "skiff.host.message/1"

typedef struct skiff_host_message {
    uint32_t struct_size;
    uint32_t reserved;
    /* [child] during entered and pre_exec: 1 to 4096 bytes for message of skiff.container/2. SKIFF_E_SYSTEM: too many of
     * them wait. SKIFF_DECLINED: nobody receives them. */
    int32_t (*send)(skiff_session *session, const void *bytes, uint64_t count);
} skiff_host_message;

SKIFF_END

#endif
