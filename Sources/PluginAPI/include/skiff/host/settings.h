/* skiff.host.settings/1: configuration, flags and identity, given by the host. */
#ifndef SKIFF_HOST_SETTINGS_H
#define SKIFF_HOST_SETTINGS_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_SETTINGS "skiff.host.settings/1"

/* Receives one value; text lives until the callback returns. */
typedef void skiff_text_fn(void *context, const char *text);

typedef struct skiff_host_settings {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Calls each(context, value) for every value of a key of skiff.conf ("always use nv"), in order.
     * SKIFF_DECLINED: the key is not set, and has no default. */
    int32_t (*configuration)(skiff_session *session, const char *key, skiff_text_fn *each, void *context);
    /* [parent] The same for a flag of this plugin, from the command line or its variables. SKIFF_DECLINED: not used. */
    int32_t (*flag)(skiff_session *session, const char *name, skiff_text_fn *each, void *context);
    /* [parent] A variable of the caller. SKIFF_DECLINED: not set. Names that begin with APPTAINER_, SINGULARITY_ or
     * SKIFF_ are the host's business: declare them in the manifest instead. */
    int32_t (*variable)(skiff_session *session, const char *name, skiff_text_fn *each, void *context);
    /* [parent] Where the installation keeps things: "configuration", "plugins", "libexec", "share". */
    int32_t (*directory)(skiff_session *session, const char *which, skiff_text_fn *each, void *context);
    /* [parent] Facts by name, or SKIFF_DECLINED:
     *   uid, gid       of the caller
     *   privileged     1: the command runs with the powers of root, so that nothing of the caller may be trusted
     *   contain        1: --contain
     *   writable       1: --writable */
    int32_t (*number)(skiff_session *session, const char *name, int64_t *out);
} skiff_host_settings;

SKIFF_END

#endif
