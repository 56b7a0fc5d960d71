/* skiff.devices/1 (draft): names of devices to entries of the plan, given by the plugin. GPUs, CDI. */
#ifndef SKIFF_EXT_DEVICES_H
#define SKIFF_EXT_DEVICES_H

#include "../../plan.h"

SKIFF_BEGIN

#define SKIFF_EXT_DEVICES "skiff.devices/1"

typedef struct skiff_device_request {
    uint32_t struct_size;
    uint32_t directory_count;
    const char *name;                    /* "vendor.com/class=name", as --device gave it */
    const char *const *directories;      /* of CDI specifications, in order; later ones win */
} skiff_device_request;

typedef struct skiff_devices {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] during mounts: adds nodes, mounts and variables through skiff.host.plan/1. SKIFF_DECLINED: not a device
     * of this plugin. */
    int32_t (*add)(const skiff_plugin *self, skiff_session *session, const skiff_device_request *request);
    /* [parent] Calls each(context, name) for every device that add would take. */
    int32_t (*list)(const skiff_plugin *self, skiff_session *session, const skiff_device_request *request,
                    void (*each)(void *context, const char *name), void *context);
} skiff_devices;

SKIFF_END

#endif
