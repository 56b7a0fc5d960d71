#include "server.h"

#include <stdlib.h>
#include <sys/sysmacros.h>
#include <time.h>

int read_inode(ext2_ino_t number, struct ext2_inode_large *inode) {
    if (number == 0 || number > server.fs->super->s_inodes_count) return EIO;
    memset(inode, 0, sizeof *inode);
    errcode_t error = ext2fs_read_inode_full(server.fs, number, (struct ext2_inode *)inode, sizeof *inode);
    if (error) return error_number(error);
    /* As the kernel does. */
    size_t room = EXT2_INODE_SIZE(server.fs->super) - EXT2_GOOD_OLD_INODE_SIZE;
    if (room > 0 && (inode->i_extra_isize > room || inode->i_extra_isize % 4 != 0)) return EIO;
    /* libext2fs goes by the inode alone, and writes behind the end of such content. */
    if (inode->i_flags & EXT4_INLINE_DATA_FL && !ext2fs_has_feature_inline_data(server.fs->super)) return EIO;
    return 0;
}

int write_inode(ext2_ino_t number, struct ext2_inode_large *inode) {
    return error_number(ext2fs_write_inode_full(server.fs, number, (struct ext2_inode *)inode, sizeof *inode));
}

int write_new_inode(ext2_ino_t number, const struct ext2_inode_large *inode) {
    size_t size = EXT2_INODE_SIZE(server.fs->super);
    struct ext2_inode *whole = calloc(1, size);
    if (!whole) return ENOMEM;
    memcpy(whole, inode, size < sizeof *inode ? size : sizeof *inode);
    int error = error_number(ext2fs_write_inode_full(server.fs, number, whole, (int)size));
    free(whole);
    return error;
}

/* A field beyond the first 128 bytes is there when the inode says so. */
#define HAS(inode, field) \
    (EXT2_INODE_SIZE(server.fs->super) > EXT2_GOOD_OLD_INODE_SIZE && \
     (size_t)EXT2_GOOD_OLD_INODE_SIZE + (inode)->i_extra_isize >= offsetof(struct ext2_inode_large, field) + sizeof(uint32_t))

static void load(uint32_t seconds, uint32_t extra, bool hasExtra, struct timespec *out) {
    out->tv_sec = (int32_t)seconds;
    out->tv_nsec = 0;
    if (!hasExtra) return;
    out->tv_sec += (int64_t)(extra & 3) << 32;
    out->tv_nsec = extra >> 2;
}

static uint32_t extra(const struct timespec *time) {
    return (uint32_t)time->tv_nsec << 2 | (uint32_t)((time->tv_sec - (int32_t)time->tv_sec) >> 32 & 3);
}

#define STORE(inode, field, time) do { \
        (inode)->field = (uint32_t)(time)->tv_sec; \
        if (HAS(inode, field##_extra)) (inode)->field##_extra = extra(time); \
    } while (0)

void touch(struct ext2_inode_large *inode, int what) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (what & CHANGED) STORE(inode, i_ctime, &now);
    if (what & MODIFIED) STORE(inode, i_mtime, &now);
}

int touch_inode(ext2_ino_t number, int what) {
    struct ext2_inode_large inode;
    int error = read_inode(number, &inode);
    if (error) return error;
    touch(&inode, what);
    return write_inode(number, &inode);
}

void describe(ext2_ino_t number, const struct ext2_inode_large *inode, struct stat *out) {
    memset(out, 0, sizeof *out);
    out->st_ino = number;
    out->st_mode = inode->i_mode;
    out->st_nlink = inode->i_links_count;
    out->st_uid = server.hasOneOwner ? server.shown_uid : inode_uid(*inode);
    out->st_gid = server.hasOneOwner ? server.shown_gid : inode_gid(*inode);
    out->st_size = (off_t)EXT2_I_SIZE(inode);
    out->st_blksize = server.fs->blocksize;
    out->st_blocks = (blkcnt_t)ext2fs_get_stat_i_blocks(server.fs, (struct ext2_inode *)inode);
    load(inode->i_atime, inode->i_atime_extra, HAS(inode, i_atime_extra), &out->st_atim);
    load(inode->i_mtime, inode->i_mtime_extra, HAS(inode, i_mtime_extra), &out->st_mtim);
    load(inode->i_ctime, inode->i_ctime_extra, HAS(inode, i_ctime_extra), &out->st_ctim);
    if (is_whiteout(number)) {
        out->st_mode = S_IFCHR;
    } else if (S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode)) {
        uint32_t old = inode->i_block[0], new = inode->i_block[1];
        out->st_rdev = old ? makedev(old >> 8 & 255, old & 255)
                           : makedev(new >> 8 & 0xFFF, (new & 255) | (new >> 12 & 0xFFF00));
    }
}

int drop_name(ext2_ino_t number, struct ext2_inode_large *inode, int names) {
    inode->i_links_count = inode->i_links_count > names ? (uint16_t)(inode->i_links_count - names) : 0;
    touch(inode, CHANGED);
    if (inode->i_links_count == 0) inode->i_dtime = (uint32_t)time(NULL);
    return write_inode(number, inode);
}

int free_if_unused(ext2_ino_t number) {
    struct ext2_inode_large inode;
    if (!server.writable || server.lookups[number] > 0) return 0;
    int error = read_inode(number, &inode);
    if (error || inode.i_links_count > 0 || inode.i_dtime == 0) return error;
    if (!ext2fs_test_inode_bitmap2(server.fs->inode_map, number)) return 0;
    error = error_number(ext2fs_free_ext_attr(server.fs, number, &inode));
    if (error) return error;
    if (ext2fs_inode_has_valid_blocks2(server.fs, (struct ext2_inode *)&inode)) {
        error = error_number(ext2fs_punch(server.fs, number, (struct ext2_inode *)&inode, NULL, 0, ~0ULL));
        if (error) return error;
    }
    ext2fs_inode_size_set(server.fs, (struct ext2_inode *)&inode, 0);
    error = write_inode(number, &inode);
    if (!error) ext2fs_inode_alloc_stats2(server.fs, number, -1, S_ISDIR(inode.i_mode));
    return error;
}

static void forget(fuse_ino_t node, uint64_t count) {
    ext2_ino_t number = inode_of(node);
    if (number == 0 || number > server.fs->super->s_inodes_count) return;
    server.lookups[number] -= count < server.lookups[number] ? (uint32_t)count : server.lookups[number];
    if (server.lookups[number] == 0 && number != EXT2_ROOT_INO) free_if_unused(number);
}

void op_forget(fuse_req_t request, fuse_ino_t node, uint64_t count) {
    forget(node, count);
    fuse_reply_none(request);
}

void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *list) {
    for (size_t index = 0; index < count; index++) forget(list[index].ino, list[index].nlookup);
    fuse_reply_none(request);
}

/* Nobody else changes anything: the kernel may remember for good. */
static const double forever = 86400;

static void answer(fuse_req_t request, ext2_ino_t number, const struct ext2_inode_large *inode) {
    struct stat facts;
    describe(number, inode, &facts);
    fuse_reply_attr(request, &facts, forever);
}

void op_getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    (void)file;
    struct ext2_inode_large inode;
    int error = read_inode(inode_of(node), &inode);
    if (error) fuse_reply_err(request, error);
    else answer(request, inode_of(node), &inode);
}

static void change(struct ext2_inode_large *inode, const struct stat *wanted, int which) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (which & FUSE_SET_ATTR_MODE) inode->i_mode = (uint16_t)((inode->i_mode & S_IFMT) | (wanted->st_mode & 07777));
    if (which & FUSE_SET_ATTR_UID && !server.hasOneOwner) {
        uint32_t uid = wanted->st_uid;
        inode->i_uid = (uint16_t)uid;
        ext2fs_set_i_uid_high(*inode, uid >> 16);
    }
    if (which & FUSE_SET_ATTR_GID && !server.hasOneOwner) {
        uint32_t gid = wanted->st_gid;
        inode->i_gid = (uint16_t)gid;
        ext2fs_set_i_gid_high(*inode, gid >> 16);
    }
    if (which & FUSE_SET_ATTR_ATIME) STORE(inode, i_atime, &wanted->st_atim);
    if (which & FUSE_SET_ATTR_MTIME) STORE(inode, i_mtime, &wanted->st_mtim);
    if (which & FUSE_SET_ATTR_ATIME_NOW) STORE(inode, i_atime, &now);
    if (which & FUSE_SET_ATTR_MTIME_NOW) STORE(inode, i_mtime, &now);
    STORE(inode, i_ctime, which & FUSE_SET_ATTR_CTIME ? &wanted->st_ctim : &now);
}

void op_setattr(fuse_req_t request, fuse_ino_t node, struct stat *wanted, int which, struct fuse_file_info *file) {
    (void)file;
    struct ext2_inode_large inode;
    ext2_ino_t number = inode_of(node);
    int error = server.writable ? 0 : EROFS;
    if (!error && which & FUSE_SET_ATTR_SIZE) error = set_size(number, (uint64_t)wanted->st_size);
    if (!error) error = read_inode(number, &inode);
    if (!error) {
        change(&inode, wanted, which);
        if (which & FUSE_SET_ATTR_SIZE && !(which & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)))
            touch(&inode, MODIFIED);
        error = write_inode(number, &inode);
    }
    if (error) fuse_reply_err(request, error);
    else answer(request, number, &inode);
}

void op_readlink(fuse_req_t request, fuse_ino_t node) {
    struct ext2_inode_large inode;
    char target[4097];
    ext2_ino_t number = inode_of(node);
    int error = read_inode(number, &inode);
    uint64_t size = error ? 0 : EXT2_I_SIZE(&inode);
    if (!error && (!S_ISLNK(inode.i_mode) || size > 4096)) error = EINVAL;
    if (!error && ext2fs_is_fast_symlink((struct ext2_inode *)&inode)) {
        size = size < sizeof inode.i_block ? size : sizeof inode.i_block;
        memcpy(target, inode.i_block, size);
    } else if (!error) {
        ext2_file_t file;
        unsigned int got = 0;
        error = error_number(ext2fs_file_open(server.fs, number, 0, &file));
        if (!error) {
            error = error_number(ext2fs_file_read(file, target, (unsigned int)size, &got));
            ext2fs_file_close(file);
            size = got;
        }
    }
    if (error) {
        fuse_reply_err(request, error);
        return;
    }
    target[size] = 0;
    fuse_reply_readlink(request, target);
}
