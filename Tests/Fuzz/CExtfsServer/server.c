/* skiff-extfs with a kernel and a libfuse of our own: requests come from the input, answers are looked at as far as they lead to further
 * requests. */
#define main extfs_main
#include "../../../Plugins/Overlay/Server/main.c"
#undef main

#include <linux/falloc.h>
#include <stdint.h>
#include <sys/mman.h>

#include "include/extfs-server.h"

enum { NODES = 24, MOST_REQUESTS = 120, MOST_INODES = 1 << 16 };

static fuse_ino_t nodes[NODES];
static int known;
/* The answer to the request that is being made: an error number. */
static int answer;

static void learn(const struct fuse_entry_param *found) {
    answer = 0;
    if (found->ino == 0) return;
    if (known < NODES) nodes[known++] = found->ino;
    else nodes[found->ino % NODES] = found->ino;
}

int fuse_reply_err(fuse_req_t request, int error) { (void)request; answer = error; return 0; }
void fuse_reply_none(fuse_req_t request) { (void)request; answer = 0; }
int fuse_reply_entry(fuse_req_t request, const struct fuse_entry_param *found) { (void)request; learn(found); return 0; }
int fuse_reply_create(fuse_req_t request, const struct fuse_entry_param *found, const struct fuse_file_info *file) {
    (void)request, (void)file;
    learn(found);
    return 0;
}
int fuse_reply_attr(fuse_req_t request, const struct stat *facts, double timeout) {
    (void)request, (void)timeout;
    answer = facts->st_mode == 0 && facts->st_size < 0;
    return 0;
}
int fuse_reply_readlink(fuse_req_t request, const char *target) { (void)request; answer = strlen(target) > 4096; return 0; }
int fuse_reply_open(fuse_req_t request, const struct fuse_file_info *file) { (void)request, (void)file; answer = 0; return 0; }
int fuse_reply_write(fuse_req_t request, size_t count) { (void)request; answer = count == 0; return 0; }
int fuse_reply_xattr(fuse_req_t request, size_t count) { (void)request; answer = count > 1 << 24; return 0; }
int fuse_reply_lseek(fuse_req_t request, off_t place) { (void)request; answer = place < 0; return 0; }
int fuse_reply_statfs(fuse_req_t request, const struct statvfs *facts) { (void)request, (void)facts; answer = 0; return 0; }
int fuse_reply_buf(fuse_req_t request, const char *bytes, size_t size) {
    static volatile char last;
    (void)request;
    for (size_t index = 0; index < size; index++) last = bytes[index];
    (void)last;
    answer = 0;
    return 0;
}
size_t fuse_add_direntry(fuse_req_t request, char *buffer, size_t size, const char *name, const struct stat *facts, off_t place) {
    (void)request, (void)facts, (void)place;
    size_t needed = (24 + strlen(name) + 7) & ~(size_t)7;
    if (buffer && needed <= size) memset(buffer, 0, needed);
    return needed;
}
const struct fuse_ctx *fuse_req_ctx(fuse_req_t request) {
    static const struct fuse_ctx caller = {.uid = 1000, .gid = 1000, .pid = 1};
    (void)request;
    return &caller;
}
struct fuse_session *fuse_session_new(struct fuse_args *arguments, const struct fuse_lowlevel_ops *table, size_t size, void *data) {
    (void)arguments, (void)table, (void)size, (void)data;
    return NULL;
}
int fuse_session_mount(struct fuse_session *session, const char *place) { (void)session, (void)place; return -1; }
int fuse_set_signal_handlers(struct fuse_session *session) { (void)session; return -1; }
int fuse_session_loop(struct fuse_session *session) { (void)session; return -1; }

static const uint8_t *script;
static size_t left;

static uint8_t next(void) {
    if (left == 0) return 0;
    left--;
    return *script++;
}

static fuse_ino_t node(void) { return nodes[next() % known]; }

static const char *name(void) {
    static char longest[257];
    static const char *const names[] = {"upper", "a", "b", "dir", "link", ".wh.a", ".", "..", "lost+found", "work", "file", longest};
    memset(longest, 'n', 255);
    return names[next() % (sizeof names / sizeof *names)];
}

static const char *attribute(void) {
    static const char *const names[] = {"user.overlay.opaque", "user.a", "security.capability", "trusted.b", "system.posix_acl_access"};
    return names[next() % (sizeof names / sizeof *names)];
}

static off_t place(void) {
    static const off_t places[] = {0, 1, 1000, 1024, 12 << 10, 100 << 10, 1 << 20, (off_t)1 << 33, (off_t)1 << 45};
    return places[next() % (sizeof places / sizeof *places)];
}

static void list(fuse_ino_t directory) {
    struct fuse_file_info file = {0};
    op_opendir(NULL, directory, &file);
    op_readdir(NULL, directory, 4096, 0, &file);
    int result = answer;
    op_readdir(NULL, directory, 300, (off_t)next() * 3, &file);
    op_releasedir(NULL, directory, &file);
    answer = result;
}

static void set_attributes(fuse_ino_t target) {
    struct stat wanted = {.st_mode = 0600, .st_uid = 70000, .st_size = place(), .st_mtim = {4000000000, 5}};
    op_setattr(NULL, target, &wanted, next(), NULL);
}

/* Makes one request. */
static void request(int kind) {
    static char bytes[5000];
    struct fuse_file_info file = {.flags = O_RDWR};
    fuse_ino_t first = node();
    answer = ENOSYS;
    switch (kind) {
    case LOOKUP: op_lookup(NULL, first, name()); break;
    case GETATTR: op_getattr(NULL, first, NULL); break;
    case READDIR: list(first); break;
    case READ: op_read(NULL, first, 4096, place(), &file); break;
    case WRITE: op_write(NULL, first, bytes, (size_t)next() * 19 + 1, place(), &file); break;
    case CREATE: op_create(NULL, first, name(), S_IFREG | 0644, &file); break;
    case MKDIR: op_mkdir(NULL, first, name(), 0755); break;
    case MKNOD: op_mknod(NULL, first, name(), S_IFCHR | 0600, next()); break;
    case SYMLINK: op_symlink(NULL, next() % 2 ? "target" : "a target of more than sixty bytes, which has a block of its own in an inode", first, name()); break;
    case LINK: op_link(NULL, first, node(), name()); break;
    case UNLINK: op_unlink(NULL, first, name()); break;
    case RMDIR: op_rmdir(NULL, first, name()); break;
    case RENAME: {
        const char *old = name();
        fuse_ino_t second = node();
        op_rename(NULL, first, old, second, name(), next() % 8);
        break;
    }
    case SETATTR: set_attributes(first); break;
    case READLINK: op_readlink(NULL, first); break;
    case SETXATTR: op_setxattr(NULL, first, attribute(), bytes, (size_t)next() * 9, 0); break;
    case GETXATTR: op_getxattr(NULL, first, attribute(), (size_t)next() * 2); break;
    case LISTXATTR: op_listxattr(NULL, first, (size_t)next() * 2); break;
    case REMOVEXATTR: op_removexattr(NULL, first, attribute()); break;
    case FALLOCATE: {
        off_t start = place();
        op_fallocate(NULL, first, next() % 2 ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : 0, start, (off_t)next() * 100 + 1, &file);
        break;
    }
    case LSEEK: op_lseek(NULL, first, place(), next() % 2 ? SEEK_DATA : SEEK_HOLE, &file); break;
    case STATFS: op_statfs(NULL, first); break;
    case FSYNC: op_fsync(NULL, first, 0, &file); break;
    default: op_forget(NULL, first, next() % 3);
    }
}

static uint32_t serve_script(void) {
    uint32_t done = 0;
    size_t marks;
    if (settle_marks(&marks) != 0) return 0;
    nodes[0] = FUSE_ROOT_ID;
    known = 1;
    for (int count = 0; count < MOST_REQUESTS && left > 0; count++) {
        int kind = next() % KINDS;
        request(kind);
        if (answer == 0) done |= 1U << kind;
    }
    if (server.writable) finish();
    return done;
}

uint32_t skf_serve(const uint8_t *bytes, size_t size) {
    uint32_t done = 0;
    if (size < 2048 || size > 1 << 20) return 0;
    /* What follows would only measure how fast memory is cleared. */
    uint32_t inodes = bytes[1024] | bytes[1025] << 8 | bytes[1026] << 16 | (uint32_t)bytes[1027] << 24;
    if (inodes > MOST_INODES) return 0;
    memset(&server, 0, sizeof server);
    server.image = memfd_create("image", MFD_CLOEXEC);
    if (server.image < 0) return 0;
    script = bytes + 1;
    left = 1023;
    server.writable = bytes[0] % 2;
    if (write(server.image, bytes, size) == (ssize_t)size && open_image(0) == 0) {
        if (bytes[0] & 2) choose_owner();
        done = serve_script();
    }
    if (server.fs) ext2fs_free(server.fs);
    free(server.lookups);
    free(server.opaque);
    free(server.whiteouts);
    free(server.hidden);
    close(server.image);
    return done;
}
