/* skiff.build-target/1 (draft): files of other kinds than SIF that `skiff build` writes, made by the plugin of a finished SIF.
 *
 * The manifest's targets are the ends of names that route to it: `targets = .ext` is for `skiff build image.ext DEFINITION`. The host
 * builds the SIF, has the file written beside the target, and gives it its name when all of it is there.
 *
 * [parent] means what it means for a transport: a process of its own, without threads, that ends with the command, and that is killed when
 * it gives no sign of life; the same tables of the host work. In a build of an ordinary user it runs in the user namespace of the build. */
#ifndef SKIFF_EXT_BUILD_TARGET_H
#define SKIFF_EXT_BUILD_TARGET_H

#include "../../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_BUILD_TARGET "skiff.build-target/1"

/* What was built. */
typedef struct skiff_target_image {
    uint32_t struct_size;
    int32_t fd;               /* a SIF, open for reading, borrowed */
    uint64_t size;            /* of it, in bytes */
    const char *digest;       /* "sha256:" and 64 digits, of its bytes */
    const char *architecture; /* as GOARCH has it: "amd64"; empty for an image of data */
    const char *path;         /* of the target as the user wrote it; for messages, it is not to be opened */
    uint64_t root_offset;     /* where the root file system lies in fd; a size of 0: there is none */
    uint64_t root_size;
    uint32_t root_filesystem; /* as skiff_section has it: 1 squashfs, 5 and 6 encrypted */
    uint32_t reserved;
} skiff_target_image;

typedef struct skiff_build_target {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Writes the target to target_fd: an empty file, open for reading and writing, borrowed. SKIFF_DECLINED: not of a kind that
     * the plugin makes after all; the next plugin with such an end is asked. Whatever goes wrong, nobody sees what was written. */
    int32_t (*write)(const skiff_plugin *self, skiff_session *session, const skiff_target_image *image, int32_t target_fd);
} skiff_build_target;

SKIFF_END

#endif
