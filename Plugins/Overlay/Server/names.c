#include "server.h"

#include <stdlib.h>
#include <sys/sysmacros.h>

int find_name(ext2_ino_t directory, const char *name, ext2_ino_t *found) {
    size_t length = strlen(name);
    if (length > EXT2_NAME_LEN) return ENAMETOOLONG;
    errcode_t error = ext2fs_lookup(server.fs, directory, name, (int)length, NULL, found);
    if (!error && (*found == 0 || *found > server.fs->super->s_inodes_count)) return EIO;
    return error_number(error);
}

static int type_of(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG: return EXT2_FT_REG_FILE;
    case S_IFDIR: return EXT2_FT_DIR;
    case S_IFCHR: return EXT2_FT_CHRDEV;
    case S_IFBLK: return EXT2_FT_BLKDEV;
    case S_IFIFO: return EXT2_FT_FIFO;
    case S_IFSOCK: return EXT2_FT_SOCK;
    case S_IFLNK: return EXT2_FT_SYMLINK;
    default: return EXT2_FT_UNKNOWN;
    }
}

int add_name(ext2_ino_t directory, const char *name, ext2_ino_t inode, mode_t mode) {
    errcode_t error = ext2fs_link(server.fs, directory, name, inode, type_of(mode));
    if (error == EXT2_ET_DIR_NO_SPACE) {
        error = ext2fs_expand_dir(server.fs, directory);
        if (!error) error = ext2fs_link(server.fs, directory, name, inode, type_of(mode));
    }
    return error_number(error);
}

int remove_name(ext2_ino_t directory, const char *name) {
    return error_number(ext2fs_unlink(server.fs, directory, name, 0, 0));
}

int entry(ext2_ino_t number, struct fuse_entry_param *out) {
    struct ext2_inode_large inode;
    int error = read_inode(number, &inode);
    if (error) return error;
    /* As the kernel does: a name may not lead to what was deleted. */
    if (inode.i_links_count == 0) return EIO;
    memset(out, 0, sizeof *out);
    out->ino = node_of(number);
    out->generation = inode.i_generation;
    out->attr_timeout = out->entry_timeout = 86400;
    describe(number, &inode, &out->attr);
    return 0;
}

static void reply_entry(fuse_req_t request, ext2_ino_t number) {
    struct fuse_entry_param found;
    int error = entry(number, &found);
    if (error) {
        fuse_reply_err(request, error);
        return;
    }
    server.lookups[number]++;
    if (fuse_reply_entry(request, &found) == -ENOENT) server.lookups[number]--;
}

void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
    ext2_ino_t number;
    int error = find_shown(inode_of(parent), name, &number);
    if (error == ENOENT) {
        struct fuse_entry_param nothing = {.entry_timeout = 86400};
        fuse_reply_entry(request, &nothing);
    } else if (error) {
        fuse_reply_err(request, error);
    } else {
        reply_entry(request, number);
    }
}

static bool is_old_device(dev_t device) { return major(device) < 256 && minor(device) < 256; }

static void set_device(struct ext2_inode_large *inode, dev_t device) {
    if (is_old_device(device)) inode->i_block[0] = (uint32_t)(major(device) << 8 | minor(device));
    else inode->i_block[1] = (minor(device) & 255) | major(device) << 8 | (minor(device) & ~255U) << 12;
}

/* The kernel has applied the umask; a directory hands its group on. */
static void set_owner(fuse_req_t request, ext2_ino_t parent, struct ext2_inode_large *inode) {
    const struct fuse_ctx *caller = fuse_req_ctx(request);
    struct ext2_inode_large above;
    uint32_t uid = server.hasOneOwner ? server.stored_uid : caller->uid;
    uint32_t gid = server.hasOneOwner ? server.stored_gid : caller->gid;
    if (read_inode(parent, &above) == 0 && above.i_mode & S_ISGID) {
        gid = inode_gid(above);
        if (S_ISDIR(inode->i_mode)) inode->i_mode |= S_ISGID;
    }
    inode->i_uid = (uint16_t)uid;
    ext2fs_set_i_uid_high(*inode, uid >> 16);
    inode->i_gid = (uint16_t)gid;
    ext2fs_set_i_gid_high(*inode, gid >> 16);
}

static void begin(fuse_req_t request, ext2_ino_t parent, struct ext2_inode_large *inode) {
    touch(inode, CHANGED | MODIFIED);
    inode->i_atime = inode->i_mtime;
    inode->i_atime_extra = inode->i_mtime_extra;
    set_owner(request, parent, inode);
}

int begin_inode(fuse_req_t request, ext2_ino_t parent, mode_t mode, dev_t device, ext2_ino_t *number,
                struct ext2_inode_large *inode) {
    ext2_filsys fs = server.fs;
    errcode_t error = ext2fs_new_inode(fs, parent, (int)mode, 0, number);
    if (error) return error_number(error);
    memset(inode, 0, sizeof *inode);
    inode->i_mode = (uint16_t)mode;
    inode->i_links_count = 1;
    inode->i_extra_isize = sizeof *inode - EXT2_GOOD_OLD_INODE_SIZE;
    begin(request, parent, inode);
    if (S_ISREG(mode) && ext2fs_has_feature_extents(fs->super)) {
        ext2_extent_handle_t handle;
        inode->i_flags = EXT4_EXTENTS_FL;
        error = ext2fs_extent_open2(fs, *number, (struct ext2_inode *)inode, &handle);
        if (error) return error_number(error);
        ext2fs_extent_free(handle);
    } else if (!S_ISREG(mode)) {
        set_device(inode, device);
    }
    return 0;
}

static int make(fuse_req_t request, ext2_ino_t parent, const char *name, mode_t mode, dev_t device, ext2_ino_t *number) {
    struct ext2_inode_large inode;
    if (!server.writable) return EROFS;
    int error = find_name(parent, name, number);
    if (error != ENOENT) return error ? error : EEXIST;
    /* Whiteouts are made to remove something. */
    if (!S_ISCHR(mode) && !has_room_for_names()) return ENOSPC;
    error = begin_inode(request, parent, mode, device, number, &inode);
    if (!error) error = add_name(parent, name, *number, mode);
    if (error) return error;
    ext2fs_inode_alloc_stats2(server.fs, *number, 1, 0);
    error = write_new_inode(*number, &inode);
    return error ? error : touch_inode(parent, CHANGED | MODIFIED);
}

void op_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device) {
    ext2_ino_t number;
    int error = make(request, inode_of(parent), name, mode, device, &number);
    if (error) fuse_reply_err(request, error);
    else reply_entry(request, number);
}

void op_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *file) {
    ext2_ino_t number;
    struct fuse_entry_param made;
    int error = make(request, inode_of(parent), name, mode, 0, &number);
    if (!error) error = entry(number, &made);
    if (error) {
        fuse_reply_err(request, error);
        return;
    }
    file->keep_cache = 1;
    server.lookups[number]++;
    if (fuse_reply_create(request, &made, file) == -ENOENT) server.lookups[number]--;
}

/* What libext2fs makes has no owner and no times. The generation stays: checksums of directory blocks depend on it. */
static int complete(fuse_req_t request, ext2_ino_t parent, ext2_ino_t number, mode_t mode) {
    struct ext2_inode_large inode;
    int error = read_inode(number, &inode);
    if (error) return error;
    inode.i_mode = (uint16_t)((inode.i_mode & S_IFMT) | (mode & 07777));
    begin(request, parent, &inode);
    error = write_inode(number, &inode);
    return error ? error : touch_inode(parent, CHANGED | MODIFIED);
}

void op_mkdir(fuse_req_t request, fuse_ino_t node, const char *name, mode_t mode) {
    ext2_ino_t parent = inode_of(node), number;
    int error = server.writable ? find_name(parent, name, &number) : EROFS;
    if (!error) error = EEXIST;
    if (error == ENOENT && !has_room_for_names()) error = ENOSPC;
    if (error == ENOENT) {
        errcode_t made = ext2fs_mkdir(server.fs, parent, 0, name);
        if (made == EXT2_ET_DIR_NO_SPACE) {
            made = ext2fs_expand_dir(server.fs, parent);
            if (!made) made = ext2fs_mkdir(server.fs, parent, 0, name);
        }
        error = error_number(made);
        if (!error) error = find_name(parent, name, &number);
        if (!error) error = complete(request, parent, number, mode);
    }
    if (error) fuse_reply_err(request, error);
    else reply_entry(request, number);
}

void op_symlink(fuse_req_t request, const char *target, fuse_ino_t node, const char *name) {
    ext2_ino_t parent = inode_of(node), number;
    int error = server.writable ? find_name(parent, name, &number) : EROFS;
    if (!error) error = EEXIST;
    if (error == ENOENT && !has_room_for_names()) error = ENOSPC;
    if (error == ENOENT) {
        errcode_t made = ext2fs_symlink(server.fs, parent, 0, name, target);
        if (made == EXT2_ET_DIR_NO_SPACE) {
            made = ext2fs_expand_dir(server.fs, parent);
            if (!made) made = ext2fs_symlink(server.fs, parent, 0, name, target);
        }
        error = made == EXT2_ET_INVALID_ARGUMENT ? ENAMETOOLONG : error_number(made);
        if (!error) error = find_name(parent, name, &number);
        if (!error) error = complete(request, parent, number, 0777);
    }
    if (error) fuse_reply_err(request, error);
    else reply_entry(request, number);
}

void op_link(fuse_req_t request, fuse_ino_t node, fuse_ino_t parent, const char *name) {
    struct ext2_inode_large inode;
    ext2_ino_t number = inode_of(node), there;
    int error = server.writable ? find_name(inode_of(parent), name, &there) : EROFS;
    error = error == ENOENT ? read_inode(number, &inode) : error ? error : EEXIST;
    if (!error && (S_ISDIR(inode.i_mode) || inode.i_links_count == 0)) error = EPERM;
    if (!error && inode.i_links_count >= EXT2_LINK_MAX) error = EMLINK;
    if (!error) {
        inode.i_links_count++;
        touch(&inode, CHANGED);
        error = write_inode(number, &inode);
    }
    if (!error) {
        error = add_name(inode_of(parent), name, number, inode.i_mode);
        if (error) drop_name(number, &inode, 1);
    }
    if (!error) error = touch_inode(inode_of(parent), CHANGED | MODIFIED);
    if (error) fuse_reply_err(request, error);
    else reply_entry(request, number);
}

void op_unlink(fuse_req_t request, fuse_ino_t node, const char *name) {
    struct ext2_inode_large inode;
    ext2_ino_t parent = inode_of(node), number;
    int error = server.writable ? find_name(parent, name, &number) : EROFS;
    if (!error) error = read_inode(number, &inode);
    if (!error && S_ISDIR(inode.i_mode)) error = EISDIR;
    if (!error) error = drop_name(number, &inode, 1);
    if (!error) error = remove_name(parent, name);
    if (!error) error = touch_inode(parent, CHANGED | MODIFIED);
    if (!error) error = free_if_unused(number);
    if (!error && inode.i_links_count > 0) forget_aliases();
    fuse_reply_err(request, error);
}

void op_rmdir(fuse_req_t request, fuse_ino_t node, const char *name) {
    struct ext2_inode_large inode, above;
    ext2_ino_t parent = inode_of(node), number;
    int error = server.writable ? find_name(parent, name, &number) : EROFS;
    if (!error) error = read_inode(number, &inode);
    if (!error && !S_ISDIR(inode.i_mode)) error = ENOTDIR;
    if (!error && !is_empty(number)) error = ENOTEMPTY;
    if (!error) error = drop_name(number, &inode, inode.i_links_count);
    if (!error) error = remove_name(parent, name);
    if (!error) error = read_inode(parent, &above);
    if (!error) {
        if (above.i_links_count > 2) above.i_links_count--;
        touch(&above, CHANGED | MODIFIED);
        error = write_inode(parent, &above);
    }
    if (!error) error = free_if_unused(number);
    fuse_reply_err(request, error);
}
