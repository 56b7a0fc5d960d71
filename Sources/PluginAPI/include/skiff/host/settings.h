/* skiff.host.settings/2: configuration, flags and variables, given by the host. */
#ifndef SKIFF_HOST_SETTINGS_H
#define SKIFF_HOST_SETTINGS_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_SETTINGS "skiff.host.settings/2"

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
} skiff_host_settings;

SKIFF_END

#endif
