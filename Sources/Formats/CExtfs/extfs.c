#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <et/com_err.h>

#include "cextfs.h"
#include "range.h"

struct skl_extfs {
    ext2_filsys fs;
    /* Every block belongs to one file. Files that share blocks could claim any number of bytes together, and indirect
     * blocks that contain themselves could be read for ever: so no more blocks are visited than there are. */
    uint64_t blocks_left;
};

long skl_extfs_open(int fd, uint64_t offset, uint64_t size, skl_extfs **result) {
    char name[80];
    initialize_ext2_error_table();
    skl_extfs *opened = calloc(1, sizeof *opened);
    if (opened == NULL) return ENOMEM;
    snprintf(name, sizeof name, "%d:%llu:%llu", fd, (unsigned long long)offset, (unsigned long long)size);
    errcode_t error = ext2fs_open2(name, NULL, EXT2_FLAG_64BITS, 0, 0, skl_extfs_range_manager, &opened->fs);
    if (error) {
        free(opened);
        return error;
    }
    opened->blocks_left = ext2fs_blocks_count(opened->fs->super);
    *result = opened;
    return 0;
}

void skl_extfs_close(skl_extfs *fs) {
    ext2fs_free(fs->fs);
    free(fs);
}

uint32_t skl_extfs_block_size(const skl_extfs *fs) { return fs->fs->blocksize; }

const char *skl_extfs_message(long error) { return error_message(error); }

/* MARK: inodes */

/* new_decode_dev() and old_decode_dev() of the kernel: the second block number is the newer form. */
static void decode_device(const uint32_t *block, skl_extfs_inode *result) {
    if (block[0] != 0) {
        result->major = block[0] >> 8 & 0xff;
        result->minor = block[0] & 0xff;
    } else {
        result->major = block[1] >> 8 & 0xfff;
        result->minor = (block[1] & 0xff) | (block[1] >> 12 & 0xfff00);
    }
}

static long read_large(skl_extfs *fs, uint32_t number, struct ext2_inode_large *inode) {
    /* The rules of ext4_iget(): an entry may not name the journal, for instance, nor what was deleted. */
    if (number != EXT2_ROOT_INO && number < EXT2_FIRST_INODE(fs->fs->super)) return EXT2_ET_BAD_INODE_NUM;
    memset(inode, 0, sizeof *inode);
    errcode_t error = ext2fs_read_inode_full(fs->fs, number, (struct ext2_inode *)inode, sizeof *inode);
    if (error) return error;
    if (inode->i_links_count == 0) return EXT2_ET_BAD_INODE_NUM;
    /* Of features that no image has: the bytes are not the file's content. */
    if (inode->i_flags & (EXT4_ENCRYPT_FL | EXT4_INLINE_DATA_FL)) return EXT2_ET_UNSUPP_FEATURE;
    return 0;
}

long skl_extfs_read_inode(skl_extfs *fs, uint32_t number, skl_extfs_inode *result) {
    struct ext2_inode_large inode;
    long error = read_large(fs, number, &inode);
    if (error) return error;
    memset(result, 0, sizeof *result);
    result->mode = inode.i_mode;
    result->uid = inode_uid(inode);
    result->gid = inode_gid(inode);
    result->links = inode.i_links_count;
    result->size = EXT2_I_SIZE(&inode);
    result->modified = (int32_t)inode.i_mtime;
    /* Two more bits of the seconds, where the inode has room for them. */
    if (EXT2_INODE_SIZE(fs->fs->super) > EXT2_GOOD_OLD_INODE_SIZE &&
        inode.i_extra_isize >= offsetof(struct ext2_inode_large, i_atime_extra) - EXT2_GOOD_OLD_INODE_SIZE)
        result->modified += (int64_t)(inode.i_mtime_extra & 3) << 32;
    decode_device(inode.i_block, result);
    return 0;
}

long skl_extfs_target(skl_extfs *fs, uint32_t number, void *buffer, size_t size) {
    struct ext2_inode_large inode;
    long error = read_large(fs, number, &inode);
    if (error) return error;
    if (ext2fs_is_fast_symlink((struct ext2_inode *)&inode)) {
        if (size > sizeof inode.i_block) return EXT2_ET_INODE_CORRUPTED;
        memcpy(buffer, inode.i_block, size);
        return 0;
    }
    /* A longer one has a block of its own; the kernel writes a NUL behind it. */
    blk64_t block = 0;
    if (size >= fs->fs->blocksize) return EXT2_ET_INODE_CORRUPTED;
    error = ext2fs_bmap2(fs->fs, number, (struct ext2_inode *)&inode, NULL, 0, 0, NULL, &block);
    if (error) return error;
    if (block == 0) return EXT2_ET_BAD_BLOCK_NUM;
    char *whole = malloc(fs->fs->blocksize);
    if (whole == NULL) return ENOMEM;
    error = io_channel_read_blk64(fs->fs->io, block, 1, whole);
    if (!error) memcpy(buffer, whole, size);
    free(whole);
    return error;
}

/* MARK: content */

struct run_list {
    skl_extfs *fs;
    skl_extfs_run *runs;
    size_t count, room;
    long error;
};

static int stop(struct run_list *list, long error) {
    list->error = error;
    return BLOCK_ABORT;
}

static int add_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t logical, blk64_t parent, int index, void *context) {
    struct run_list *list = context;
    (void)fs, (void)parent, (void)index;
    if (list->fs->blocks_left == 0) return stop(list, EXT2_ET_BAD_BLOCK_NUM);
    list->fs->blocks_left--;
    /* Indirect blocks and the inner nodes of extent trees have negative numbers. */
    if (logical < 0) return 0;
    skl_extfs_run *last = list->count > 0 ? &list->runs[list->count - 1] : NULL;
    if (last != NULL && (uint64_t)logical < last->logical + last->count) return stop(list, EXT2_ET_BAD_BLOCK_NUM);
    if (last != NULL && (uint64_t)logical == last->logical + last->count && *block == last->physical + last->count) {
        last->count++;
        return 0;
    }
    if (list->count == list->room) {
        size_t room = list->room * 2 + 16;
        skl_extfs_run *more = reallocarray(list->runs, room, sizeof *more);
        if (more == NULL) return stop(list, ENOMEM);
        list->runs = more;
        list->room = room;
    }
    list->runs[list->count++] = (skl_extfs_run){(uint64_t)logical, *block, 1};
    return 0;
}

long skl_extfs_runs(skl_extfs *fs, uint32_t number, skl_extfs_run **result, size_t *count) {
    struct run_list list = {.fs = fs};
    long error = ext2fs_block_iterate3(fs->fs, number, BLOCK_FLAG_READ_ONLY, NULL, add_block, &list);
    if (list.error) error = list.error;
    if (error) {
        free(list.runs);
        return error;
    }
    *result = list.runs;
    *count = list.count;
    return 0;
}

long skl_extfs_read_blocks(skl_extfs *fs, uint64_t physical, int count, void *buffer) {
    return io_channel_read_blk64(fs->fs->io, physical, count, buffer);
}

/* MARK: directories */

struct entry_list {
    skl_extfs_entry *entries;
    size_t count, room;
    long error;
};

static int add_entry(ext2_ino_t directory, int kind, struct ext2_dir_entry *entry, int offset, int block_size,
                     char *buffer, void *context) {
    struct entry_list *list = context;
    (void)directory, (void)kind, (void)offset, (void)block_size, (void)buffer;
    int length = ext2fs_dirent_name_len(entry);
    if (list->count == list->room) {
        size_t room = list->room * 2 + 16;
        skl_extfs_entry *more = reallocarray(list->entries, room, sizeof *more);
        if (more == NULL) {
            list->error = ENOMEM;
            return DIRENT_ABORT;
        }
        list->entries = more;
        list->room = room;
    }
    skl_extfs_entry *made = &list->entries[list->count++];
    made->inode = entry->inode;
    made->length = (uint32_t)length;
    memcpy(made->name, entry->name, (size_t)length);
    return 0;
}

long skl_extfs_entries(skl_extfs *fs, uint32_t number, skl_extfs_entry **result, size_t *count) {
    /* First the blocks alone, which are counted. */
    skl_extfs_run *runs = NULL;
    size_t run_count = 0;
    long error = skl_extfs_runs(fs, number, &runs, &run_count);
    free(runs);
    if (error) return error;
    struct entry_list list = {0};
    error = ext2fs_dir_iterate2(fs->fs, number, 0, NULL, add_entry, &list);
    if (list.error) error = list.error;
    if (error) {
        free(list.entries);
        return error;
    }
    *result = list.entries;
    *count = list.count;
    return 0;
}

/* MARK: extended attributes */

struct xattr_list {
    skl_extfs_xattr **items;
    size_t count;
    long error;
};

static int add_xattr(char *name, char *value, size_t length, void *context) {
    struct xattr_list *list = context;
    size_t name_length = strlen(name);
    skl_extfs_xattr **more = reallocarray(list->items, list->count + 1, sizeof *more);
    if (more != NULL) list->items = more;
    skl_extfs_xattr *made = more == NULL ? NULL : malloc(sizeof *made + name_length + length);
    if (made == NULL) {
        list->error = ENOMEM;
        return XATTR_ABORT;
    }
    made->name_length = name_length;
    made->value_length = length;
    memcpy(made->bytes, name, name_length);
    if (length > 0) memcpy(made->bytes + name_length, value, length);
    list->items[list->count++] = made;
    return 0;
}

long skl_extfs_xattrs(skl_extfs *fs, uint32_t number, skl_extfs_xattr ***result, size_t *count) {
    struct ext2_xattr_handle *handle = NULL;
    struct xattr_list list = {0};
    long error = ext2fs_xattrs_open(fs->fs, number, &handle);
    if (error) return error;
    error = ext2fs_xattrs_read(handle);
    if (!error) error = ext2fs_xattrs_iterate(handle, add_xattr, &list);
    if (list.error) error = list.error;
    ext2fs_xattrs_close(&handle);
    if (error) {
        while (list.count > 0) free(list.items[--list.count]);
        free(list.items);
        return error;
    }
    *result = list.items;
    *count = list.count;
    return 0;
}
