#include "server.h"

#include <fcntl.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4
#endif

/* Lets names of a directory lead somewhere else, each by one write. */
struct pointing {
    const char *name;
    ext2_ino_t inode;
    int type;
    bool isDone;
};

static int point(ext2_ino_t directory, int place, struct ext2_dir_entry *found, int offset, int size, char *block,
                 void *context) {
    (void)directory, (void)place, (void)offset, (void)size, (void)block;
    struct pointing *wanted = context;
    size_t length = strlen(wanted->name);
    if (ext2fs_dirent_name_len(found) != (int)length || memcmp(found->name, wanted->name, length) != 0) return 0;
    found->inode = wanted->inode;
    ext2fs_dirent_set_file_type(found, wanted->type);
    wanted->isDone = true;
    return DIRENT_CHANGED | DIRENT_ABORT;
}

static int type_of(mode_t mode) {
    if (!ext2fs_has_feature_filetype(server.fs->super)) return EXT2_FT_UNKNOWN;
    return S_ISREG(mode) ? EXT2_FT_REG_FILE : S_ISDIR(mode) ? EXT2_FT_DIR : S_ISCHR(mode) ? EXT2_FT_CHRDEV
         : S_ISBLK(mode) ? EXT2_FT_BLKDEV : S_ISFIFO(mode) ? EXT2_FT_FIFO : S_ISSOCK(mode) ? EXT2_FT_SOCK
         : EXT2_FT_SYMLINK;
}

static int lead(ext2_ino_t directory, const char *name, ext2_ino_t inode, mode_t mode) {
    struct pointing wanted = {name, inode, type_of(mode), false};
    errcode_t error = ext2fs_dir_iterate2(server.fs, directory, 0, NULL, point, &wanted);
    return error ? error_number(error) : wanted.isDone ? 0 : ENOENT;
}

static int count_subdirectory(ext2_ino_t directory, int change) {
    struct ext2_inode_large inode;
    int error = read_inode(directory, &inode);
    if (error) return error;
    inode.i_links_count = (uint16_t)(inode.i_links_count + change);
    return write_inode(directory, &inode);
}

/* A directory that has moved knows its new parent. */
static int adopt(ext2_ino_t moved, mode_t mode, ext2_ino_t from, ext2_ino_t to) {
    if (!S_ISDIR(mode) || from == to) return 0;
    int error = count_subdirectory(to, 1);
    if (!error) error = lead(moved, "..", to, S_IFDIR);
    if (!error) error = count_subdirectory(from, -1);
    return error;
}

struct side {
    ext2_ino_t directory;
    const char *name;
    ext2_ino_t inode;
    struct ext2_inode_large facts;
};

static int find_side(struct side *side) {
    int error = find_name(side->directory, side->name, &side->inode);
    return error ? error : read_inode(side->inode, &side->facts);
}

static int exchange(struct side *one, struct side *other) {
    int error = lead(other->directory, other->name, one->inode, one->facts.i_mode);
    if (!error) error = lead(one->directory, one->name, other->inode, other->facts.i_mode);
    if (!error) error = adopt(one->inode, one->facts.i_mode, one->directory, other->directory);
    if (!error) error = adopt(other->inode, other->facts.i_mode, other->directory, one->directory);
    return error;
}

/* What overlayfs leaves where something of a lower layer was. */
static int leave_whiteout(fuse_req_t request, struct side *old) {
    ext2_ino_t number;
    struct ext2_inode_large inode;
    int error = begin_inode(request, old->directory, S_IFCHR, 0, &number, &inode);
    if (error) return error;
    ext2fs_inode_alloc_stats2(server.fs, number, 1, 0);
    error = write_new_inode(number, &inode);
    return error ? error : lead(old->directory, old->name, number, S_IFCHR);
}

static int check_replaced(const struct side *old, const struct side *new) {
    bool isDirectory = S_ISDIR(old->facts.i_mode), wasDirectory = S_ISDIR(new->facts.i_mode);
    if (isDirectory && !wasDirectory) return ENOTDIR;
    if (!isDirectory && wasDirectory) return EISDIR;
    return wasDirectory && !is_empty(new->inode) ? ENOTEMPTY : 0;
}

static int move(fuse_req_t request, struct side *old, struct side *new, bool replaces, unsigned int flags) {
    mode_t mode = old->facts.i_mode;
    bool loses = replaces && S_ISDIR(new->facts.i_mode);
    int error = replaces ? check_replaced(old, new) : 0;
    if (!error && replaces) {
        error = drop_name(new->inode, &new->facts, loses ? new->facts.i_links_count : 1);
        if (!error) error = lead(new->directory, new->name, old->inode, mode);
        if (!error && loses) error = count_subdirectory(new->directory, -1);
    } else if (!error) {
        error = add_name(new->directory, new->name, old->inode, mode);
    }
    if (!error) error = flags & RENAME_WHITEOUT ? leave_whiteout(request, old) : remove_name(old->directory, old->name);
    if (!error) error = adopt(old->inode, mode, old->directory, new->directory);
    if (!error && replaces) error = free_if_unused(new->inode);
    if (!error && replaces && !loses && new->facts.i_links_count > 0) forget_aliases();
    return error;
}

void op_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
               unsigned int flags) {
    struct side old = {.directory = inode_of(parent), .name = name};
    struct side new = {.directory = inode_of(new_parent), .name = new_name};
    int error = !server.writable ? EROFS : flags & ~7U ? EINVAL : find_side(&old);
    int there = error ? 0 : find_side(&new);
    if (!error && there && there != ENOENT) error = there;
    bool replaces = !error && !there;
    if (!error && replaces && flags & RENAME_NOREPLACE) error = EEXIST;
    if (!error && !replaces && flags & RENAME_EXCHANGE) error = ENOENT;
    if (!error && replaces && old.inode == new.inode) {
        fuse_reply_err(request, 0);
        return;
    }
    if (!error) error = flags & RENAME_EXCHANGE ? exchange(&old, &new) : move(request, &old, &new, replaces, flags);
    if (!error) error = touch_inode(old.directory, CHANGED | MODIFIED);
    if (!error && new.directory != old.directory) error = touch_inode(new.directory, CHANGED | MODIFIED);
    if (!error) error = touch_inode(old.inode, CHANGED);
    fuse_reply_err(request, error);
}
