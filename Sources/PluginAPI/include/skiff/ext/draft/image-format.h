/* skiff.image-format/1 (draft): image files that are neither SIF, squashfs nor ext3, given by the plugin.
 * The manifest's [probe] blocks route to it, so that no library is opened for an ordinary image. */
#ifndef SKIFF_EXT_IMAGE_FORMAT_H
#define SKIFF_EXT_IMAGE_FORMAT_H

#include "../../host/image.h"

SKIFF_BEGIN

#define SKIFF_EXT_IMAGE_FORMAT "skiff.image-format/1"

typedef void skiff_section_fn(void *context, const skiff_section *section);

typedef struct skiff_image_format {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Looks at the first bytes: SKIFF_OK mine, SKIFF_DECLINED not. */
    int32_t (*probe)(const skiff_plugin *self, const void *prefix, uint64_t count);
    /* [parent] Calls each(context, section) for every section of the file, borrowed. Their bytes lie in the file as
     * they are; the host checks that they lie inside of it and do not overlap. */
    int32_t (*sections)(const skiff_plugin *self, skiff_session *session, int32_t fd, skiff_section_fn *each,
                        void *context);
} skiff_image_format;

SKIFF_END

#endif
