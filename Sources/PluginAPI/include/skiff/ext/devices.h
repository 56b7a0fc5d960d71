/* skiff.devices/1: what a name of --device stands for, given by the plugin. GPUs, CDI. */
#ifndef SKIFF_EXT_DEVICES_H
#define SKIFF_EXT_DEVICES_H

#include "../plan.h"

SKIFF_BEGIN

#define SKIFF_EXT_DEVICES "skiff.devices/1"

typedef struct skiff_device_request {
    uint32_t struct_size;
    uint32_t directory_count;
    const char *name;                    /* "vendor.com/class=name", as --device gave it; NULL for list */
    const char *const *directories;      /* of --cdi-dirs, absolute, in order: of two descriptions of a device the later one
                                          * counts. None: the plugin's own */
} skiff_device_request;

/* Both slots are needed. A manifest that names the table has its library opened when --device is used. */
typedef struct skiff_devices {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] after mounts of all plugins, once for each name: adds nodes, mounts, links, groups and variables through
     * skiff.host.plan/3. Hooks that a description has are programs of the host: they are not run. SKIFF_DECLINED: not a
     * device of this plugin, and nothing was added; the next one is asked. */
    int32_t (*add)(const skiff_plugin *self, skiff_session *session, const skiff_device_request *request);
    /* [parent] Calls each(context, name) for every device that add would take. */
    int32_t (*list)(const skiff_plugin *self, skiff_session *session, const skiff_device_request *request,
                    void (*each)(void *context, const char *name), void *context);
} skiff_devices;

SKIFF_END

#endif
