/* The FUSE server of one ext2, ext3 or ext4 file system inside a file: libext2fs below libfuse's low level.
 *
 * A node of FUSE is an inode, so that the kernel sees one inode for all hard links; overlayfs relies on that. The server is the
 * only one who changes the file system, so the kernel may keep names and attributes as long as it likes. One thread answers:
 * libext2fs knows no others.
 *
 * What a killed server may leave behind: bitmaps and counters that are older than the inodes, deleted inodes that are not freed,
 * and a name more or less than an inode counts. e2fsck -p puts all of that right, and skiff runs it before the next mount. So
 * the order of writes matters: a new name is written before its inode, an old name is removed after its inode has changed. */
#ifndef SKIFF_EXTFS_SERVER_H
#define SKIFF_EXTFS_SERVER_H

#define FUSE_USE_VERSION 314
#include <ext2fs/ext2fs.h>
#include <fuse3/fuse_lowlevel.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

struct server {
    ext2_filsys fs;
    int image;
    bool writable;
    /* A container that knows one id: every file is the caller's there, as in the image below, and what is made belongs to
     * whom the layer belongs to. */
    bool hasOneOwner;
    uint32_t stored_uid, stored_gid, shown_uid, shown_gid;
    /* How many names of each inode the kernel remembers; a deleted inode is freed at 0. */
    uint32_t *lookups;
    /* What was not written is known at the end at the latest. */
    bool failed;
    /* Of an image that is only read, a bit for each inode: directories that hide what lies below, files that stand for
     * something that was removed, and files that are marks alone. NULL where there are none. */
    uint8_t *opaque, *whiteouts, *hidden;
};

extern struct server server;
extern const struct fuse_lowlevel_ops operations;

/* A number of errno(3) for an error of libext2fs. */
int error_number(errcode_t error);

static inline ext2_ino_t inode_of(fuse_ino_t node) { return node == FUSE_ROOT_ID ? EXT2_ROOT_INO : (ext2_ino_t)node; }
static inline fuse_ino_t node_of(ext2_ino_t inode) { return inode == EXT2_ROOT_INO ? FUSE_ROOT_ID : inode; }

/* inode.c */
int read_inode(ext2_ino_t number, struct ext2_inode_large *inode);
int write_inode(ext2_ino_t number, struct ext2_inode_large *inode);
/* Writes an inode that was not in use: nothing stays of what it was. */
int write_new_inode(ext2_ino_t number, const struct ext2_inode_large *inode);
void describe(ext2_ino_t number, const struct ext2_inode_large *inode, struct stat *out);
enum { CHANGED = 1, MODIFIED = 2 };
void touch(struct ext2_inode_large *inode, int what);
int touch_inode(ext2_ino_t number, int what);
/* Counts one less name of an inode, and writes it. */
int drop_name(ext2_ino_t number, struct ext2_inode_large *inode, int names);
int free_if_unused(ext2_ino_t number);
void op_getattr(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void op_setattr(fuse_req_t, fuse_ino_t, struct stat *, int, struct fuse_file_info *);
void op_readlink(fuse_req_t, fuse_ino_t);
void op_forget(fuse_req_t, fuse_ino_t, uint64_t);
void op_forget_multi(fuse_req_t, size_t, struct fuse_forget_data *);

/* names.c */
int find_name(ext2_ino_t directory, const char *name, ext2_ino_t *found);
int add_name(ext2_ino_t directory, const char *name, ext2_ino_t inode, mode_t mode);
int remove_name(ext2_ino_t directory, const char *name);
int entry(ext2_ino_t number, struct fuse_entry_param *out);
int begin_inode(fuse_req_t request, ext2_ino_t parent, mode_t mode, dev_t device, ext2_ino_t *number,
                struct ext2_inode_large *inode);
void op_lookup(fuse_req_t, fuse_ino_t, const char *);
void op_mknod(fuse_req_t, fuse_ino_t, const char *, mode_t, dev_t);
void op_create(fuse_req_t, fuse_ino_t, const char *, mode_t, struct fuse_file_info *);
void op_mkdir(fuse_req_t, fuse_ino_t, const char *, mode_t);
void op_symlink(fuse_req_t, const char *, fuse_ino_t, const char *);
void op_link(fuse_req_t, fuse_ino_t, fuse_ino_t, const char *);
void op_unlink(fuse_req_t, fuse_ino_t, const char *);
void op_rmdir(fuse_req_t, fuse_ino_t, const char *);

/* rename.c */
void op_rename(fuse_req_t, fuse_ino_t, const char *, fuse_ino_t, const char *, unsigned int);

/* directory.c */
void op_opendir(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void op_readdir(fuse_req_t, fuse_ino_t, size_t, off_t, struct fuse_file_info *);
void op_releasedir(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
bool is_empty(ext2_ino_t directory);

/* data.c */
void op_open(fuse_req_t, fuse_ino_t, struct fuse_file_info *);
void op_read(fuse_req_t, fuse_ino_t, size_t, off_t, struct fuse_file_info *);
void op_write(fuse_req_t, fuse_ino_t, const char *, size_t, off_t, struct fuse_file_info *);
void op_fsync(fuse_req_t, fuse_ino_t, int, struct fuse_file_info *);
void op_statfs(fuse_req_t, fuse_ino_t);
void op_fallocate(fuse_req_t, fuse_ino_t, int, off_t, off_t, struct fuse_file_info *);
void op_lseek(fuse_req_t, fuse_ino_t, off_t, int, struct fuse_file_info *);
int set_size(ext2_ino_t number, uint64_t size);
/* Everything to the disk. */
int synchronize(void);

/* room.c */
/* For an image that begins at an offset of its file and is written. */
void keep_room(uint64_t offset);
/* Whether the disk has room for an image with holes to grow, by content or by a name. */
bool has_room(void);
bool has_room_for_names(void);

/* marks.c */
/* Finds what is marked in other dialects than ours: puts it into ours, or remembers it where nothing is written. */
int settle_marks(size_t *count);
bool is_opaque(ext2_ino_t directory);
bool is_whiteout(ext2_ino_t inode);
/* As find_name, where what was removed is a whiteout whatever its dialect. */
int find_shown(ext2_ino_t directory, const char *name, ext2_ino_t *found);
/* The name that an entry has for others; NULL when it has none. */
const char *shown_name(ext2_ino_t directory, const char *name, ext2_ino_t inode);

/* tree.c */
/* Puts the marks that fuse-overlayfs has left in a directory of the host into ours. Returns 3 where some are left. */
int settle_tree(int directory, bool writes);

/* aliases.c */
void know_container(pid_t pid);
/* Called when a name of a file goes that has others, before the kernel is told that it is gone. */
void forget_aliases(void);

/* xattrs.c */
/* 1 for a directory that only another dialect calls opaque, else 0 or a negative error number. */
int has_foreign_opaque(ext2_ino_t directory);
int set_opaque(ext2_ino_t directory);
void op_setxattr(fuse_req_t, fuse_ino_t, const char *, const char *, size_t, int);
void op_getxattr(fuse_req_t, fuse_ino_t, const char *, size_t);
void op_listxattr(fuse_req_t, fuse_ino_t, size_t);
void op_removexattr(fuse_req_t, fuse_ino_t, const char *);

#endif
