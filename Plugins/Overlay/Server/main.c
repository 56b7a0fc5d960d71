/* skiff-extfs: started by the Overlay plugin of skiff, once for each ext image that the kernel does not mount itself. */
#include "server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { IMAGE = 3, FUSE = 4, READY = 5 };

struct server server = {.image = IMAGE};

/* There is no flush: writes are in the page cache of the image before they are answered. So the kernel asks about that once. */
static void begin_session(void *data, struct fuse_conn_info *connection) {
    (void)data;
    connection->want |= connection->capable & FUSE_CAP_NO_OPEN_SUPPORT;
    connection->want &= ~(unsigned)FUSE_CAP_ATOMIC_O_TRUNC;
}

const struct fuse_lowlevel_ops operations = {
    .init = begin_session, .lookup = op_lookup, .forget = op_forget, .forget_multi = op_forget_multi, .getattr = op_getattr,
    .setattr = op_setattr, .readlink = op_readlink, .mknod = op_mknod, .mkdir = op_mkdir, .unlink = op_unlink,
    .rmdir = op_rmdir, .symlink = op_symlink, .rename = op_rename, .link = op_link, .open = op_open, .read = op_read,
    .write = op_write, .fsync = op_fsync, .opendir = op_opendir, .readdir = op_readdir, .releasedir = op_releasedir,
    .fsyncdir = op_fsync, .statfs = op_statfs, .setxattr = op_setxattr, .getxattr = op_getxattr,
    .listxattr = op_listxattr, .removexattr = op_removexattr, .create = op_create, .fallocate = op_fallocate,
    .lseek = op_lseek,
};

int error_number(errcode_t error) {
    if (error == 0) return 0;
    if (error > 0 && error < 256) return (int)error;
    switch (error) {
    case EXT2_ET_NO_MEMORY: return ENOMEM;
    case EXT2_ET_FILE_NOT_FOUND: return ENOENT;
    case EXT2_ET_DIR_EXISTS: case EXT2_ET_FILE_EXISTS: return EEXIST;
    case EXT2_ET_BLOCK_ALLOC_FAIL: case EXT2_ET_INODE_ALLOC_FAIL: case EXT2_ET_DIR_NO_SPACE: case EXT2_ET_EA_NO_SPACE:
    case EXT2_ET_INLINE_DATA_NO_SPACE: return ENOSPC;
    case EXT2_ET_NO_DIRECTORY: return ENOTDIR;
    case EXT2_ET_FILE_TOO_BIG: return EFBIG;
    case EXT2_ET_INVALID_ARGUMENT: return EINVAL;
    case EXT2_ET_EA_KEY_NOT_FOUND: return ENODATA;
    case EXT2_ET_FILE_RO: case EXT2_ET_RO_FILSYS: return EROFS;
    default: server.failed = server.failed || server.writable; return EIO;
    }
}

static int refuse(const char *what, errcode_t error) {
    fprintf(stderr, "skiff-extfs: %s%s%s\n", what, error ? ": " : "", error ? error_message(error) : "");
    return 1;
}

/* Marks the image as in use, so that whoever finds it so knows that its last user was killed. */
static errcode_t mark(bool clean) {
    struct ext2_super_block *super = server.fs->super;
    if (clean) super->s_state |= EXT2_VALID_FS;
    else super->s_state &= ~EXT2_VALID_FS;
    ext2fs_mark_super_dirty(server.fs);
    return ext2fs_flush2(server.fs, 0);
}

static int open_image(uint64_t offset) {
    char options[64], name[16];
    snprintf(name, sizeof name, "%d", server.image);
    int flags = EXT2_FLAG_64BITS | (server.writable ? EXT2_FLAG_RW : 0);
    snprintf(options, sizeof options, "offset=%llu", (unsigned long long)offset);
    errcode_t error = ext2fs_open2(name, options, flags, 0, 0, unixfd_io_manager, &server.fs);
    if (error) return refuse("cannot read the file system", error);
    ext2_filsys fs = server.fs;
    /* libext2fs clears as many bytes of an inode without a look at its size; the kernel takes its own number, too. */
    if (fs->super->s_want_extra_isize > EXT2_INODE_SIZE(fs->super) - EXT2_GOOD_OLD_INODE_SIZE)
        fs->super->s_want_extra_isize = 0;
    /* libext2fs stores the bitmaps of a file system that begins later behind the end of their memory. */
    if (fs->super->s_first_data_block > 1) return refuse("its first block is none", 0);
    if (ext2fs_has_feature_journal_needs_recovery(fs->super)) return refuse("its journal was not replayed", 0);
    struct ext2_inode_large root;
    if (read_inode(EXT2_ROOT_INO, &root) != 0) return refuse("its root directory is damaged", 0);
    if (server.writable) {
        /* libext2fs writes behind the end of such content, and does not see when such a directory is empty. */
        if (ext2fs_has_feature_inline_data(fs->super)) return refuse("it has inline_data", 0);
        if (!(fs->super->s_state & EXT2_VALID_FS)) return refuse("it was not checked after its last use", 0);
        if ((error = ext2fs_read_bitmaps(fs))) return refuse("cannot read the bitmaps", error);
        fs->flags |= EXT2_FLAG_MASTER_SB_ONLY;
        fs->super->s_mtime = (uint32_t)time(NULL);
        fs->super->s_mnt_count++;
        if ((error = mark(false))) return refuse("cannot write to the image", error);
    }
    /* Nothing of the metadata stays in memory, except bitmaps and counters, which e2fsck restores. */
    fs->io->flags |= CHANNEL_FLAGS_WRITETHROUGH;
    if (server.writable) keep_room(offset);
    ext2fs_create_inode_cache(fs, 256);
    server.lookups = calloc((size_t)fs->super->s_inodes_count + 1, sizeof *server.lookups);
    return server.lookups ? 0 : refuse("out of memory", 0);
}

/* Whoever the layer belongs to in the image is the caller in the container, who has one id there. */
static void choose_owner(void) {
    ext2_ino_t upper;
    struct ext2_inode_large inode;
    if (find_name(EXT2_ROOT_INO, "upper", &upper) != 0) upper = EXT2_ROOT_INO;
    if (read_inode(upper, &inode) != 0) return;
    server.stored_uid = inode_uid(inode);
    server.stored_gid = inode_gid(inode);
    server.hasOneOwner = true;
}

static int finish(void) {
    if (!server.writable) return 0;
    for (ext2_ino_t number = 1; number <= server.fs->super->s_inodes_count; number++) {
        if (server.lookups[number] == 0) continue;
        server.lookups[number] = 0;
        free_if_unused(number);
    }
    if (server.failed) {
        /* The next user has it checked. */
        ext2fs_flush2(server.fs, 0);
        return refuse("something could not be written", 0);
    }
    errcode_t error = mark(true);
    if (!error && fsync(server.image) != 0) error = errno;
    return error ? refuse("cannot finish writing", error) : 0;
}

/* Puts an image that the kernel will mount into the dialect of marks that is written, or finds out whether it is in it.
 * Returns 3 for an image that is only read and that the kernel would misread. */
static int settle(uint64_t offset) {
    size_t count = 0;
    if (open_image(offset) != 0) return 1;
    int error = settle_marks(&count);
    if (error) {
        server.failed = true;
        refuse("cannot read its directories", error);
    }
    if (server.writable) return finish() != 0 || error;
    return error ? 1 : count > 0 ? 3 : 0;
}

static int serve(void) {
    char *words[] = {(char *)"skiff-extfs", NULL};
    struct fuse_args arguments = FUSE_ARGS_INIT(1, words);
    struct fuse_session *session = fuse_session_new(&arguments, &operations, sizeof operations, NULL);
    if (!session) return refuse("cannot start libfuse", 0);
    char place[32];
    snprintf(place, sizeof place, "/dev/fd/%d", FUSE);
    if (fuse_session_mount(session, place) != 0) return refuse("cannot use the FUSE descriptor", 0);
    fuse_set_signal_handlers(session);
    if (write(READY, "", 1) != 1) return refuse("nobody waits for this server", 0);
    close(READY);
    /* Whoever reads our complaints must not wait for our end. */
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) dup2(null, 2);
    fuse_session_loop(session);
    return finish();
}

/* `skiff-extfs OFFSET rw|ro UID GID PID`, where - is for no shown owner and PID is in the container, or
 * `skiff-extfs marks OFFSET rw|ro`, or `skiff-extfs tree rw|ro`. */
int main(int count, char **words) {
    bool isSettling = count == 4 && strcmp(words[1], "marks") == 0;
    if (count == 3 && strcmp(words[1], "tree") == 0) return settle_tree(IMAGE, strcmp(words[2], "rw") == 0);
    if (count != 6 && !isSettling) return refuse("it is started by skiff only", 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    umask(0);
    if (chdir("/") != 0) return refuse("cannot leave the directory", errno);
    initialize_ext2_error_table();
    server.writable = strcmp(words[isSettling ? 3 : 2], "rw") == 0;
    if (isSettling) return settle(strtoull(words[2], NULL, 10));
    if (open_image(strtoull(words[1], NULL, 10)) != 0) return 1;
    size_t marks;
    int error = settle_marks(&marks);
    if (error) return refuse("cannot read its directories", error);
    if (strcmp(words[3], "-") != 0) {
        server.shown_uid = (uint32_t)strtoul(words[3], NULL, 10);
        server.shown_gid = (uint32_t)strtoul(words[4], NULL, 10);
        choose_owner();
    }
    if (server.writable) know_container((pid_t)strtol(words[5], NULL, 10));
    return serve();
}
