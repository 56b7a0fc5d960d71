/* skiff.host.image-edit/1: changes of a SIF file, given by the host to commands of a plugin ([command] in its manifest).
 *
 * An edit takes the lock that "skiff sif add" takes. Nobody sees anything of it before commit, which brings the bytes of
 * objects to the disk first and writes the header last. An edit that is closed before that, or whose process is killed,
 * leaves the file as it was. What is allowed is the plugin's to judge: section tells about signatures (type 0x4005), which
 * no longer hold when something that they cover changes, and about encrypted partitions. */
#ifndef SKIFF_HOST_IMAGE_EDIT_H
#define SKIFF_HOST_IMAGE_EDIT_H

#include "image.h"

SKIFF_BEGIN

#define SKIFF_HOST_IMAGE_EDIT "skiff.host.image-edit/1"

#define SKIFF_EDIT_READ_ONLY 0x1 /* flags of open: looks, takes no lock, and can change nothing */

/* An object to be added. */
typedef struct skiff_new_section {
    uint32_t struct_size;
    uint32_t type;            /* the SIF data type: 0x4001 to 0x4004, 0x4006 to 0x4008, which is PEM by RSA-OAEP; others are SKIFF_E_UNSUPPORTED */
    uint32_t group;           /* 0: none; the image's own objects are in group 1 */
    uint32_t link;            /* as in skiff_section */
    uint64_t size;            /* bytes, from 1 */
    uint64_t alignment;       /* of its offset; 0: what the type needs, 4096 for a partition */
    uint32_t filesystem;      /* of a partition, as in skiff_section */
    uint32_t role;            /* of a partition, as in skiff_section */
    const char *architecture; /* of a partition: "amd64"; NULL: the image's, or this machine's where the image has none */
    const char *name;         /* at most 128 bytes, or NULL */
} skiff_new_section;

/* Where the bytes of an object go: size bytes from offset on, which are zero. */
typedef struct skiff_edit_place {
    uint32_t struct_size;
    int32_t fd; /* of the file, for reading and writing, borrowed */
    uint64_t offset;
    uint64_t size;
} skiff_edit_place;

/* Writes the bytes, there and nowhere else: by pwrite(2), or by a helper of skiff.host.run/2 that gets fd and, as its
 * file_size_limit, offset + size. A negative status ends the change. What it writes into the header, into the table or
 * behind the end of the file does so, too, and is taken back. */
typedef int32_t skiff_fill_fn(void *context, const skiff_edit_place *place);

typedef struct skiff_host_image_edit {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Opens a SIF file; *edit is the number of the edit, for one command. Waits for another edit of the file to end.
     * SKIFF_DECLINED: it is a file of another kind. SKIFF_E_SYSTEM: there is none, it cannot be written, or it is no
     * regular file. At most 16 are open at once. */
    int32_t (*open)(skiff_session *session, const char *path, uint32_t flags, uint64_t *edit);
    /* [parent] The objects as the edit leaves them; as in skiff.host.image/1. */
    int32_t (*section_count)(skiff_session *session, uint64_t edit, uint32_t *out);
    int32_t (*section)(skiff_session *session, uint64_t edit, uint32_t index, skiff_section *out);
    /* [parent] The open file, borrowed. An object may be changed in its place, by the rules of skiff_fill_fn; such a change is
     * seen at once, and stays. */
    int32_t (*descriptor)(skiff_session *session, uint64_t edit, int32_t *out);
    /* [parent] Adds an object; fill is called once, before append returns. *id is its number. */
    int32_t (*append)(skiff_session *session, uint64_t edit, const skiff_new_section *object, skiff_fill_fn *fill, void *context,
                      uint32_t *id);
    /* [parent] New bytes for an object, which keeps its number and all that links to it. Until commit the old ones can be
     * read at their place; their room is then cut off, or becomes a hole, which a later replacement may take. */
    int32_t (*replace)(skiff_session *session, uint64_t edit, uint32_t id, uint64_t size, skiff_fill_fn *fill, void *context);
    /* [parent] Another size for the object that lies last: zeros are added, or its end is cut off. */
    int32_t (*resize)(skiff_session *session, uint64_t edit, uint32_t id, uint64_t size);
    /* [parent] Takes an object out of the file. */
    int32_t (*remove)(skiff_session *session, uint64_t edit, uint32_t id);
    /* [parent] Makes all changes since the last commit seen. */
    int32_t (*commit)(skiff_session *session, uint64_t edit);
    /* [parent] Ends the edit, and takes back what was not committed. The end of the command does so, too. */
    int32_t (*close)(skiff_session *session, uint64_t edit);
} skiff_host_image_edit;

SKIFF_END

#endif
