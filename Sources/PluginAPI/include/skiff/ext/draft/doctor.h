/* skiff.doctor/1 (draft): what a plugin needs of this host, for 'skiff doctor', given by the plugin. */
#ifndef SKIFF_EXT_DOCTOR_H
#define SKIFF_EXT_DOCTOR_H

#include "../../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_DOCTOR "skiff.doctor/1"

#define SKIFF_FINDING_FINE 1    /* as it should be */
#define SKIFF_FINDING_NOTE 2    /* good to know */
#define SKIFF_FINDING_WARNING 3 /* some commands will work less well, or not at all */
#define SKIFF_FINDING_FAULT 4   /* an ordinary launch fails: doctor exits with 1 */

/* Texts are one line each, and are copied. */
typedef struct skiff_finding {
    uint32_t struct_size;
    uint32_t level;
    const char *probe;  /* one short word for what was looked at: "driver" */
    const char *fact;   /* what was found */
    const char *effect; /* what it costs the user; NULL: nothing */
    const char *cure;   /* a command, or the setting that helps; NULL: none */
} skiff_finding;

/* SKIFF_E_INVALID: the finding cannot be shown, and the host says why. */
typedef int32_t skiff_finding_fn(void *context, const skiff_finding *finding);

typedef struct skiff_doctor {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] of a process of its own, which has ten seconds. Looks, changes nothing, and calls each(context, finding) for
     * what it found. A negative status becomes a warning about the plugin. */
    int32_t (*examine)(const skiff_plugin *self, skiff_session *session, skiff_finding_fn *each, void *context);
} skiff_doctor;

SKIFF_END

#endif
