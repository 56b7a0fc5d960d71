/* skiff.host.calls/2: single functions from plugin to plugin, by name and signature (see cli.h), given by the host.
 * A mismatch is an answer at the call, never a crash. */
#ifndef SKIFF_HOST_CALLS_H
#define SKIFF_HOST_CALLS_H

#include "../cli.h"

SKIFF_BEGIN

#define SKIFF_HOST_CALLS "skiff.host.calls/2"

/* One argument. Of S and B, count is the second half. */
typedef struct skiff_argument {
    int64_t number;      /* i u l L b f F */
    const void *pointer; /* c h x s p S B */
    uint64_t count;
} skiff_argument;

typedef struct skiff_host_calls {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Offers fn as id. SKIFF_E_INVALID: the signature is not one, or the id is taken. */
    int32_t (*publish)(const skiff_host *host, const char *id, const char *signature, skiff_any_fn fn);
    /* [parent] Calls id with arguments of this signature, each of argument_size bytes: sizeof(skiff_argument).
     * SKIFF_DECLINED: nobody offers id. SKIFF_E_INVALID: the function's parameters are not the first ones of signature.
     * Otherwise the function's own status; 0 for void. */
    int32_t (*call)(const skiff_host *host, const char *id, const char *signature, const skiff_argument *arguments,
                    uint64_t argument_count, uint64_t argument_size);
} skiff_host_calls;

SKIFF_END

#endif
