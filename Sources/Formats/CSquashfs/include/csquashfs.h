/* libsquashfs (squashfs-tools-ng) for Swift: its headers, an output file of our own, and what its headers hide in macros. */
#ifndef SKIFF_CSQUASHFS_H
#define SKIFF_CSQUASHFS_H

#include <stdint.h>
#include <stdlib.h>
#include <sqfs/block.h>
#include <sqfs/block_processor.h>
#include <sqfs/block_writer.h>
#include <sqfs/compressor.h>
#include <sqfs/dir_writer.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/io.h>
#include <sqfs/meta_writer.h>
#include <sqfs/super.h>
#include <sqfs/xattr_writer.h>

/* Reads or writes count bytes; 0, or an errno. */
typedef int skl_squashfs_read_fn(void *context, uint64_t position, void *bytes, size_t count);
typedef int skl_squashfs_write_fn(void *context, uint64_t position, const void *bytes, size_t count);

/* A part of an open file, from `offset` to wherever writing gets. The descriptor is lent and must be open for reading
 * too, because finding duplicates reads blocks back. Where `read` and `write` are set, they stand for the file. */
typedef struct {
    sqfs_file_t base;
    int fd;
    /* The errno of the first call that failed; libsquashfs itself only says that one did. */
    int error;
    uint64_t offset;
    uint64_t size;
    skl_squashfs_read_fn *read;
    skl_squashfs_write_fn *write;
    void *context;
} skl_squashfs_file;

/* NULL without memory. Freed with sqfs_destroy. */
skl_squashfs_file *skl_squashfs_file_create(int fd, uint64_t offset);

/* An inode of `type` with room for `payload` bytes, all zero; NULL without memory. Freed with free(3). */
sqfs_inode_generic_t *skl_squashfs_inode_create(uint16_t type, uint32_t payload);

/* Where the payload of an inode begins: a flexible array, which Swift does not import. */
static inline void *skl_squashfs_inode_payload(sqfs_inode_generic_t *inode) { return inode->extra; }

static inline void skl_squashfs_destroy(void *object) { if (object != NULL) sqfs_destroy(object); }

#endif
