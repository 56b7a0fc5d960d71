/* skiff.phases/1: the stations of one container's life, given by the plugin. */
#ifndef SKIFF_PHASES_H
#define SKIFF_PHASES_H

#include "plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_PHASES "skiff.phases/1"

/* NULL: not interested. Order of plugins inside a phase: the manifests' after and before, then priority, then id;
 * stopped runs in reverse. A negative status of the first six ends the command with the plugin's message, and stopped
 * is called for every plugin whose prepare was called. */
typedef struct skiff_phases {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Typed handlers of used flags have been called. Read settings, reject combinations; touch nothing. */
    int32_t (*configure)(const skiff_plugin *self, skiff_session *session);
    /* [parent] Look at the host, open descriptors, ask for namespaces, start helpers through skiff.host.run/1. */
    int32_t (*prepare)(const skiff_plugin *self, skiff_session *session);
    /* [parent] Add mounts, layers and devices to the plan. The core mounts them; a plugin never calls mount(2) here. */
    int32_t (*mounts)(const skiff_plugin *self, skiff_session *session);
    /* [parent] Add, change or drop variables. No secret belongs into the environment. Afterwards the plan is checked,
     * can be shown by --explain, and does not change any more. */
    int32_t (*environment)(const skiff_plugin *self, skiff_session *session);
    /* [child] Just inside the namespaces, ids mapped, nothing mounted. For work that cannot be written as data. */
    int32_t (*entered)(const skiff_plugin *self, skiff_session *session);
    /* [child] The root is assembled and entered, privileges are not dropped yet. */
    int32_t (*pre_exec)(const skiff_plugin *self, skiff_session *session);
    /* [parent] The program runs. pidfd is borrowed. Must not take longer than a second. A failure is a warning. */
    int32_t (*started)(const skiff_plugin *self, skiff_session *session, int32_t pid, int32_t pidfd);
    /* [parent] The container is gone, or never came to be. status is as a shell counts it (128 + n for signal n), or
     * -1 when no program ran. Undo what prepare did; cannot change the status. */
    int32_t (*stopped)(const skiff_plugin *self, skiff_session *session, int32_t status);
} skiff_phases;

SKIFF_END

#endif
