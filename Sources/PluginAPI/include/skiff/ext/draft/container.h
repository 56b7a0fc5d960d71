/* skiff.container/2 (draft): moments of a container's life at which its processes wait or may still be ended, given by the
 * plugin. Any slot may be NULL. A container of such a plugin keeps a process of the host. */
#ifndef SKIFF_EXT_CONTAINER_H
#define SKIFF_EXT_CONTAINER_H

#include "../../place.h"

SKIFF_BEGIN

#define SKIFF_EXT_CONTAINER "skiff.container/2"

typedef struct skiff_container {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] The namespaces exist, ids are mapped, nothing is mounted yet, and the container's first process waits. A
     * negative status ends the command. In a container that several processes share (--sharens): for its first one. */
    int32_t (*created)(const skiff_plugin *self, skiff_session *session, const skiff_place *place);
    /* [parent] What this plugin's entered or pre_exec has sent through skiff.host.message/1, in order, when the program
     * runs. */
    int32_t (*message)(const skiff_plugin *self, skiff_session *session, const void *bytes, uint64_t count);
    /* [parent] The program runs. A negative status ends the container, and the command with 255. */
    int32_t (*running)(const skiff_plugin *self, skiff_session *session, const skiff_place *place);
    /* [parent] of a command that is about to start another program in an instance in whose start the plugin took part; the
     * name is the fact "instance", and the plugin's flags are not set. Nothing has entered yet. A negative status ends the
     * command with 255. What it starts ends when it returns. */
    int32_t (*joining)(const skiff_plugin *self, skiff_session *session, const skiff_place *place);
} skiff_container;

SKIFF_END

#endif
