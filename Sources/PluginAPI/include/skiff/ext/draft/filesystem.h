/* skiff.filesystem/1 (draft): file systems that the core cannot mount itself, given by the plugin.
 * An image overlay names it in SKIFF_LAYER_KIND_SERVED; each such layer has a server process of its own. */
#ifndef SKIFF_EXT_FILESYSTEM_H
#define SKIFF_EXT_FILESYSTEM_H

#include "../../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_FILESYSTEM "skiff.filesystem/1"

#define SKIFF_FILESYSTEM_FLAG_WRITABLE 0x1

typedef struct skiff_filesystem_request {
    uint32_t struct_size;
    uint32_t flags;
    const char *type; /* "ext3", "squashfs", "erofs" */
    uint64_t offset;
    uint64_t size; /* 0: to the end of the file */
    int32_t fd;    /* the image, borrowed */
    int32_t fuse_fd; /* /dev/fuse opened for it inside the user namespace, borrowed; -1: the kernel mounts */
} skiff_filesystem_request;

typedef struct skiff_filesystem {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] during prepare: can this be mounted here, with these powers? SKIFF_DECLINED: not a type of this plugin. */
    int32_t (*can)(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request);
    /* [parent] during prepare: starts the server through skiff.host.run/1 start. It waits for the mount. */
    int32_t (*serve)(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request);
    /* [child] after entered, in the order of the plan: mounts onto the directory that target_fd names (O_PATH,
     * borrowed). NULL when serve is enough and the core mounts fuse_fd. */
    int32_t (*mount)(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request,
                     int32_t target_fd);
} skiff_filesystem;

SKIFF_END

#endif
