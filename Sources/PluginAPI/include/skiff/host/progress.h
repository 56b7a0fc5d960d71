/* skiff.host.progress/1: how far something long has come, given by the host. */
#ifndef SKIFF_HOST_PROGRESS_H
#define SKIFF_HOST_PROGRESS_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_PROGRESS "skiff.host.progress/1"

typedef struct skiff_host_progress {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Bytes done and bytes in all (0: not known) of the thing called what. SKIFF_E_DENIED: the user wants to
     * stop; return soon. */
    int32_t (*report)(skiff_session *session, const char *what, uint64_t done, uint64_t all);
} skiff_host_progress;

SKIFF_END

#endif
