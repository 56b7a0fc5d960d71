#include "server.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

int synchronize(void) {
    /* With checksums, groups say which inodes were ever used, and a check believes them. This ends with fsync(2). */
    if (server.writable && ext2fs_has_group_desc_csum(server.fs)) return error_number(ext2fs_flush2(server.fs, 0));
    /* All else was written through. */
    if (fdatasync(server.image) == 0) return 0;
    server.failed = true;
    return errno;
}

void op_fsync(fuse_req_t request, fuse_ino_t node, int data, struct fuse_file_info *file) {
    (void)node, (void)data, (void)file;
    fuse_reply_err(request, synchronize());
}

/* All that an open file needs is in its inode. The kernel asks once, and then about neither opening nor closing; it keeps what it
 * has read, since nobody else changes the content. */
void op_open(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    (void)node, (void)file;
    fuse_reply_err(request, ENOSYS);
}

static int open_file(ext2_ino_t number, int flags, uint64_t offset, ext2_file_t *file) {
    struct ext2_inode_large inode;
    int error = read_inode(number, &inode);
    if (error) return error;
    if (!S_ISREG(inode.i_mode)) return EINVAL;
    error = error_number(ext2fs_file_open2(server.fs, number, (struct ext2_inode *)&inode, flags, file));
    if (error) return error;
    error = error_number(ext2fs_file_llseek(*file, offset, EXT2_SEEK_SET, NULL));
    if (error) ext2fs_file_close(*file);
    return error;
}

void op_read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *info) {
    (void)info;
    ext2_file_t file;
    unsigned int got = 0;
    char *buffer = malloc(size ? size : 1);
    int error = buffer ? open_file(inode_of(node), 0, (uint64_t)offset, &file) : ENOMEM;
    if (!error) {
        error = error_number(ext2fs_file_read(file, buffer, (unsigned int)size, &got));
        ext2fs_file_close(file);
    }
    if (error) fuse_reply_err(request, error);
    else fuse_reply_buf(request, buffer, got);
    free(buffer);
}

/* As the kernel does for all but root: the blocks that are kept in reserve are for directories, so that an overlay can still
 * be mounted, and emptied, when its image is full. */
static bool is_full(ext2_ino_t number, uint64_t end) {
    struct ext2_inode_large inode;
    struct ext2_super_block *super = server.fs->super;
    if (ext2fs_free_blocks_count(super) > ext2fs_r_blocks_count(super) + 32 && has_room()) return false;
    return read_inode(number, &inode) == 0 && end > EXT2_I_SIZE(&inode);
}

void op_write(fuse_req_t request, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
              struct fuse_file_info *info) {
    (void)info;
    ext2_file_t file;
    size_t done = 0;
    ext2_ino_t number = inode_of(node);
    int error = !server.writable ? EROFS : is_full(number, (uint64_t)offset + size) ? ENOSPC : 0;
    if (!error) error = open_file(number, EXT2_FILE_WRITE, (uint64_t)offset, &file);
    if (!error) {
        while (done < size) {
            unsigned int got = 0;
            error = error_number(ext2fs_file_write(file, bytes + done, (unsigned int)(size - done), &got));
            done += got;
            if (error || got == 0) break;
        }
        int late = error_number(ext2fs_file_flush(file));
        int closed = error_number(ext2fs_file_close(file));
        if (!error) error = late ? late : closed;
        if (late || closed) done = 0;
        int touched = touch_inode(number, CHANGED | MODIFIED);
        if (touched) error = touched;
    }
    /* What was written before the disk was full counts. */
    if (error && (error != ENOSPC || done == 0)) fuse_reply_err(request, error);
    else fuse_reply_write(request, done);
}

int set_size(ext2_ino_t number, uint64_t size) {
    ext2_file_t file;
    int error = open_file(number, EXT2_FILE_WRITE, 0, &file);
    if (error) return error;
    error = error_number(ext2fs_file_set_size2(file, (ext2_off64_t)size));
    int closed = error_number(ext2fs_file_close(file));
    return error ? error : closed;
}

static int write_zeros(ext2_ino_t number, uint64_t from, uint64_t to) {
    ext2_file_t file;
    char *zeros = calloc(1, server.fs->blocksize);
    int error = zeros ? open_file(number, EXT2_FILE_WRITE, from, &file) : ENOMEM;
    if (!error) {
        while (!error && from < to) {
            uint64_t left = to - from;
            unsigned int got = 0, size = left < server.fs->blocksize ? (unsigned int)left : server.fs->blocksize;
            error = error_number(ext2fs_file_write(file, zeros, size, &got));
            if (!error && got == 0) error = EIO;
            from += got;
        }
        int closed = error_number(ext2fs_file_close(file));
        if (!error) error = closed;
    }
    free(zeros);
    return error;
}

/* Blocks that lie in the hole altogether are given back, the rest of it is written with zeros. */
static int punch(ext2_ino_t number, uint64_t offset, uint64_t end) {
    struct ext2_inode_large inode;
    uint64_t block = server.fs->blocksize;
    int error = read_inode(number, &inode);
    if (error) return error;
    uint64_t size = EXT2_I_SIZE(&inode);
    if (offset >= size) return 0;
    bool isTail = end >= size;
    if (isTail) end = size;
    uint64_t first = (offset + block - 1) / block, last = isTail ? (end + block - 1) / block : end / block;
    if (first >= last) return write_zeros(number, offset, end);
    if (offset < first * block) error = write_zeros(number, offset, first * block < end ? first * block : end);
    if (!error && last * block < end) error = write_zeros(number, last * block, end);
    if (!error) error = read_inode(number, &inode);
    if (!error) error = error_number(ext2fs_punch(server.fs, number, (struct ext2_inode *)&inode, NULL, first, last - 1));
    if (!error) touch(&inode, CHANGED | MODIFIED);
    return error ? error : write_inode(number, &inode);
}

/* Room is made as far as ext3 can: it is written with zeros there, and cannot lie behind the end of a file. */
static int make_room(ext2_ino_t number, uint64_t offset, uint64_t end, bool keepsSize) {
    struct ext2_inode_large inode;
    ext2_filsys fs = server.fs;
    int error = read_inode(number, &inode);
    if (error) return error;
    if (keepsSize && end > EXT2_I_SIZE(&inode)) return EOPNOTSUPP;
    if (is_full(number, end)) return ENOSPC;
    blk64_t first = offset / fs->blocksize, last = (end - 1) / fs->blocksize;
    error = error_number(ext2fs_fallocate(fs, EXT2_FALLOCATE_ZERO_BLOCKS | EXT2_FALLOCATE_FORCE_INIT, number,
                                          (struct ext2_inode *)&inode, ~0ULL, first, last - first + 1));
    if (!error && !keepsSize && end > EXT2_I_SIZE(&inode))
        error = error_number(ext2fs_inode_size_set(fs, (struct ext2_inode *)&inode, (ext2_off64_t)end));
    if (!error) touch(&inode, CHANGED | MODIFIED);
    return error ? error : write_inode(number, &inode);
}

void op_fallocate(fuse_req_t request, fuse_ino_t node, int mode, off_t offset, off_t length,
                  struct fuse_file_info *info) {
    (void)info;
    struct ext2_inode_large inode;
    ext2_ino_t number = inode_of(node);
    uint64_t start = (uint64_t)offset, end = start + (uint64_t)length;
    int error = !server.writable ? EROFS : offset < 0 || length <= 0 ? EINVAL : read_inode(number, &inode);
    if (!error && !S_ISREG(inode.i_mode)) error = EINVAL;
    if (!error) {
        if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) error = punch(number, start, end);
        else if ((mode & ~FALLOC_FL_KEEP_SIZE) == 0) error = make_room(number, start, end, mode & FALLOC_FL_KEEP_SIZE);
        else error = EOPNOTSUPP;
    }
    fuse_reply_err(request, error);
}

struct seeking {
    /* The block from which on is sought, and what is found. */
    uint64_t block;
    bool isForData, isDone;
};

static int seek_block(ext2_filsys fs, blk64_t *place, e2_blkcnt_t logical, blk64_t parent, int index, void *context) {
    (void)fs, (void)place, (void)parent, (void)index;
    struct seeking *seeking = context;
    if (logical < 0 || (uint64_t)logical < seeking->block) return 0;
    if (seeking->isForData) {
        seeking->block = (uint64_t)logical;
        seeking->isDone = true;
        return BLOCK_ABORT;
    }
    if ((uint64_t)logical > seeking->block) return BLOCK_ABORT;
    seeking->block++;
    return 0;
}

void op_lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, struct fuse_file_info *info) {
    (void)info;
    struct ext2_inode_large inode;
    ext2_ino_t number = inode_of(node);
    int error = read_inode(number, &inode);
    uint64_t size = error ? 0 : EXT2_I_SIZE(&inode), start = (uint64_t)offset;
    if (!error && whence != SEEK_DATA && whence != SEEK_HOLE) error = EINVAL;
    if (!error && (offset < 0 || start >= size)) error = ENXIO;
    if (error) {
        fuse_reply_err(request, error);
        return;
    }
    struct seeking seeking = {.block = start / server.fs->blocksize, .isForData = whence == SEEK_DATA};
    bool hasBlocks = ext2fs_inode_has_valid_blocks2(server.fs, (struct ext2_inode *)&inode);
    if (!hasBlocks || ext2fs_block_iterate3(server.fs, number, BLOCK_FLAG_READ_ONLY, NULL, seek_block, &seeking) != 0) {
        /* Content in the inode itself, for instance: as if there were no holes. */
        fuse_reply_lseek(request, whence == SEEK_DATA ? offset : (off_t)size);
        return;
    }
    uint64_t found = seeking.block * server.fs->blocksize;
    if (found < start) found = start;
    if (whence == SEEK_DATA && (!seeking.isDone || found >= size)) fuse_reply_err(request, ENXIO);
    else fuse_reply_lseek(request, (off_t)(found < size ? found : size));
}

void op_statfs(fuse_req_t request, fuse_ino_t node) {
    (void)node;
    struct statvfs facts = {0};
    ext2_filsys fs = server.fs;
    uint64_t overhead = fs->super->s_first_data_block + (uint64_t)fs->group_desc_count * (2 + fs->inode_blocks_per_group);
    uint64_t all = ext2fs_blocks_count(fs->super);
    facts.f_bsize = facts.f_frsize = fs->blocksize;
    facts.f_blocks = all > overhead ? all - overhead : 0;
    uint64_t reserved = ext2fs_r_blocks_count(fs->super);
    facts.f_bfree = ext2fs_free_blocks_count(fs->super);
    facts.f_bavail = facts.f_bfree > reserved ? facts.f_bfree - reserved : 0;
    facts.f_files = fs->super->s_inodes_count;
    facts.f_ffree = facts.f_favail = fs->super->s_free_inodes_count;
    facts.f_namemax = EXT2_NAME_LEN;
    fuse_reply_statfs(request, &facts);
}
