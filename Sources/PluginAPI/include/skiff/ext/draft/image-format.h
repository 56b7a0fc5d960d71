/* skiff.image-format/2 (draft): image files that are neither SIF, squashfs nor ext3, given by the plugin.
 * The manifest's [probe] blocks route to it, so that no library is opened for an ordinary image. */
#ifndef SKIFF_EXT_IMAGE_FORMAT_H
#define SKIFF_EXT_IMAGE_FORMAT_H

#include "../../host/image.h"

SKIFF_BEGIN

#define SKIFF_EXT_IMAGE_FORMAT "skiff.image-format/2"

/* What an image file holds. Everything is copied before the callback returns. */
typedef struct skiff_image_description {
    uint32_t struct_size;
    uint32_t section_count;
    /* Partitions, each section_stride bytes after the one before: squashfs and ext3, as they lie in the file. One of the role
     * 2 is the root; others of the role 4 are overlays, of the role 3 data. The host checks that they lie inside of the
     * file, do not overlap, and begin with the superblock of what they say they are. */
    const skiff_section *sections;
    uint32_t section_stride;
    uint32_t variable_count;
    const char *const *variables; /* "NAME=value": the image's environment, which the scripts of the image come after */
    const char *const *labels;    /* "name=value", for inspect */
    uint32_t label_count;
    uint32_t reserved;
    const char *runscript;        /* a script with its "#!" line, for run; NULL: what the image has */
    const char *architecture;     /* as Go and OCI call it: "amd64"; NULL: unknown */
} skiff_image_description;

/* Called once. SKIFF_E_INVALID: the description cannot be used, and the host says why. */
typedef int32_t skiff_image_answer_fn(void *context, const skiff_image_description *image);

/* Both slots are needed. They are called in a process of their own that loads the library, and ends afterwards; the plugin
 * does not take part in the launch because of them. */
typedef struct skiff_image_format {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Looks at the first bytes of the file, up to 4096: SKIFF_OK mine, SKIFF_DECLINED not. */
    int32_t (*probe)(const skiff_plugin *self, const void *prefix, uint64_t count);
    /* [parent] Says through answer(context, image) what the file holds, which is open for reading and borrowed.
     * SKIFF_DECLINED: not mine after all; the next plugin is asked. */
    int32_t (*describe)(const skiff_plugin *self, skiff_session *session, int32_t fd, skiff_image_answer_fn *answer,
                        void *context);
} skiff_image_format;

SKIFF_END

#endif
