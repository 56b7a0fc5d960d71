/* skiff.host.state/1: a pointer of the plugin's own for one session, given by the host; so a plugin needs no globals. */
#ifndef SKIFF_HOST_STATE_H
#define SKIFF_HOST_STATE_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_STATE "skiff.host.state/1"

/* Frees what the pointer leads to. */
typedef void skiff_cleanup_fn(void *state);

typedef struct skiff_host_state {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Keeps state for the later calls of this session. cleanup (or NULL) is called in the process that started
     * the command: after stopped, or when another state takes its place. It is not called when the command becomes the
     * program itself. */
    int32_t (*set)(skiff_session *session, void *state, skiff_cleanup_fn *cleanup);
    /* [parent][child] SKIFF_DECLINED: nothing was set. In [child] it is a copy. */
    int32_t (*get)(skiff_session *session, void **out);
} skiff_host_state;

SKIFF_END

#endif
