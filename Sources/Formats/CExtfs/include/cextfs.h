/* libext2fs (e2fsprogs) for Swift: an ext2, ext3 or ext4 file system in a part of an open file, read and never written.
 *
 * Every function returns 0 or an error that `skl_extfs_message` explains. What it gives out is freed with free(3). */
#ifndef SKIFF_CEXTFS_H
#define SKIFF_CEXTFS_H

#include <stddef.h>
#include <stdint.h>

typedef struct skl_extfs skl_extfs;

typedef struct {
    uint64_t size;
    int64_t modified; /* seconds since 1970 */
    uint32_t uid, gid;
    uint32_t links;
    uint32_t major, minor; /* of devices */
    uint16_t mode;
} skl_extfs_inode;

typedef struct {
    uint32_t inode;
    uint32_t length;
    uint8_t name[255];
} skl_extfs_entry;

/* Blocks of a file that follow each other on the disk too. */
typedef struct {
    uint64_t logical, physical, count;
} skl_extfs_run;

typedef struct {
    size_t name_length, value_length;
    uint8_t bytes[]; /* the name, then the value */
} skl_extfs_xattr;

/* A flexible array, which Swift does not import. */
static inline const void *skl_extfs_xattr_bytes(const skl_extfs_xattr *attribute) { return attribute->bytes; }

/* The file system in `size` bytes at `offset` of a descriptor, which is lent. */
long skl_extfs_open(int fd, uint64_t offset, uint64_t size, skl_extfs **result);
void skl_extfs_close(skl_extfs *fs);
uint32_t skl_extfs_block_size(const skl_extfs *fs);

/* Refuses what the kernel refuses: numbers outside the table, the reserved ones, and files that were deleted. */
long skl_extfs_read_inode(skl_extfs *fs, uint32_t number, skl_extfs_inode *result);
/* All entries of a directory in their order, `.` and `..` included. */
long skl_extfs_entries(skl_extfs *fs, uint32_t number, skl_extfs_entry **result, size_t *count);
/* Where the content of a file lies, without its holes, in rising order. */
long skl_extfs_runs(skl_extfs *fs, uint32_t number, skl_extfs_run **result, size_t *count);
long skl_extfs_read_blocks(skl_extfs *fs, uint64_t physical, int count, void *buffer);
/* The target of a symbolic link of `size` bytes, into a buffer of that size. */
long skl_extfs_target(skl_extfs *fs, uint32_t number, void *buffer, size_t size);
/* Pointers to attributes, each of them to be freed, and the list itself. */
long skl_extfs_xattrs(skl_extfs *fs, uint32_t number, skl_extfs_xattr ***result, size_t *count);

/* Valid until the next call. */
const char *skl_extfs_message(long error);

#endif
