/* skiff.host.image/1: the image of the session, which is opened once and never again by path, given by the host. */
#ifndef SKIFF_HOST_IMAGE_H
#define SKIFF_HOST_IMAGE_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_IMAGE "skiff.host.image/1"

typedef struct skiff_section {
    uint32_t struct_size;
    uint32_t id;        /* as the format counts, from 1 */
    uint32_t group;
    uint32_t type;      /* the SIF data type; 0 for a bare file */
    uint64_t offset;    /* bytes from the start of the file */
    uint64_t size;
    uint32_t filesystem; /* of a partition: 1 squashfs, 2 ext3, 3 archive, 4 raw, 5 and 6 encrypted squashfs */
    uint32_t role;       /* of a partition: 1 system, 2 primary system, 3 data, 4 overlay; of a bare file 2 */
    uint32_t link;       /* the id of the section, or with SKIFF_SECTION_LINK_GROUP the group, that this one is about; 0: none */
    uint32_t reserved;
    char name[129];      /* ends with NUL */
    char padding[7];     /* 0 */
} skiff_section;

#define SKIFF_SECTION_LINK_GROUP 0xF0000000

typedef struct skiff_host_image {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] How many sections: the objects of a SIF, one for a bare file, none for a directory. SKIFF_DECLINED: this
     * command has no image. */
    int32_t (*section_count)(skiff_session *session, uint32_t *out);
    /* [parent] Fills *out, whose struct_size the caller has set, as far as that size goes. Offset and size lie inside of
     * the file. */
    int32_t (*section)(skiff_session *session, uint32_t index, skiff_section *out);
    /* [parent] Reads up to count bytes at offset of the file; *got says how many, fewer only at its end. SKIFF_DECLINED
     * for a directory. */
    int32_t (*read_at)(skiff_session *session, uint64_t offset, void *buffer, uint64_t count, uint64_t *got);
    /* [parent] The open file, borrowed; with --writable open for writing, if the caller may write it. SKIFF_DECLINED for a
     * directory. */
    int32_t (*descriptor)(skiff_session *session, int32_t *out);
} skiff_host_image;

SKIFF_END

#endif
