/* skiff.filesystem/2 (draft): file systems inside of files, given by the plugin, for SKIFF_LAYER_KIND_SERVED.
 *
 * The host mounts; a plugin says how, makes the file system fit to be mounted, and starts the process that serves it. Plugins
 * are asked in their order until one does not decline. The order of calls is that of the table. */
#ifndef SKIFF_EXT_FILESYSTEM_H
#define SKIFF_EXT_FILESYSTEM_H

#include "../../place.h"
#include "../../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_FILESYSTEM "skiff.filesystem/2"

/* skiff_filesystem_request.flags */
#define SKIFF_FILESYSTEM_FLAG_WRITABLE 0x1

/* skiff_filesystem_request.driver: who mounts it. */
#define SKIFF_FILESYSTEM_DRIVER_KERNEL 1 /* the kernel's own driver on a loop device: root, for squashfs, ext3 and ext4 */
#define SKIFF_FILESYSTEM_DRIVER_SERVER 2 /* a process of the plugin, by FUSE */

typedef struct skiff_filesystem_request {
    uint32_t struct_size;
    uint32_t flags;
    const char *type; /* skiff_layer.filesystem */
    const char *path; /* of the image, for messages */
    uint64_t offset;
    uint64_t size;
    int32_t fd; /* the image, borrowed; open for writing when WRITABLE. The file's locks belong to it: a server gets it as a
                 * descriptor, so that the image is locked as long as the server lives. */
    uint32_t driver;
    int32_t fuse_fd; /* serve: /dev/fuse, mounted in the container already, borrowed; -1 in the other calls */
    uint32_t reserved;
    const skiff_place *place; /* serve: the container, whose program does not run yet; NULL in the other calls */
} skiff_filesystem_request;

/* skiff_filesystem_plan.flags */
#define SKIFF_FILESYSTEM_PLAN_UPPER 0x1 /* overlayfs can write to it: d_type, extended attributes, RENAME_WHITEOUT */
#define SKIFF_FILESYSTEM_PLAN_SERVE 0x2 /* DRIVER_KERNEL: the kernel would show something else than the plugin's server does,
                                         * so the host asks for that one */

/* The answer of plan. Texts stay valid until the command ends. */
typedef struct skiff_filesystem_plan {
    uint32_t struct_size; /* set by the host */
    uint32_t flags;
    const char *server;  /* what serves it, for --explain */
    const char *options; /* of the mount besides the host's own, or NULL: a comma list of max_read=N and subtype=NAME */
} skiff_filesystem_plan;

typedef struct skiff_filesystem {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] when all layers are known; also for --explain, so nothing is changed, and nothing is started that stays. Says how
     * this would be served. With DRIVER_KERNEL it says only whether recover wants to be called, and whether the kernel is the
     * one who should mount it. SKIFF_DECLINED: not a type of this plugin. */
    int32_t (*plan)(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request,
                    skiff_filesystem_plan *answer);
    /* [parent] before the container is made, with the image locked: checks and repairs what its last user may have left.
     * NULL: nothing to do. */
    int32_t (*recover)(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request);
    /* [parent] while the container's first process waits: starts the server, by one call of start of skiff.host.run/2, with
     * fuse_fd and fd among its descriptors. Unlike other helpers it is not ended: it ends by itself when its file system is
     * mounted nowhere any more, and the command waits for that. With another status than 0 the command fails: something
     * was not written. It survives the host. */
    int32_t (*serve)(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request);
} skiff_filesystem;

SKIFF_END

#endif
