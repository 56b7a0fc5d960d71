#include "server.h"

#include <stdlib.h>
#include <sys/xattr.h>

static int open_attributes(ext2_ino_t number, struct ext2_xattr_handle **handle) {
    struct ext2_inode_large inode;
    int problem = read_inode(number, &inode);
    if (problem) return problem;
    errcode_t error = ext2fs_xattrs_open(server.fs, number, handle);
    if (error) return error_number(error);
    error = ext2fs_xattrs_read(*handle);
    if (error) ext2fs_xattrs_close(handle);
    return error_number(error);
}

/* POSIX ACLs are not kept: the kernel asks for them, and is told so. */
static bool is_kept(const char *name) { return strncmp(name, "system.", 7) != 0; }

static int find(struct ext2_xattr_handle *handle, const char *name, void **value, size_t *size) {
    return error_number(ext2fs_xattr_get(handle, name, value, size));
}

#define OPAQUE_NAME "user.overlay.opaque"

/* The marks of overlays that root or fuse-overlayfs has written mean the same. */
static int find_mark(struct ext2_xattr_handle *handle, const char *name, void **value, size_t *size) {
    static const char own[] = "user.overlay.";
    int error = find(handle, name, value, size);
    if (error != ENODATA || strncmp(name, own, sizeof own - 1) != 0) return error;
    char other[300];
    snprintf(other, sizeof other, "trusted.overlay.%s", name + sizeof own - 1);
    error = find(handle, other, value, size);
    if (error != ENODATA || strcmp(name, OPAQUE_NAME) != 0) return error;
    return find(handle, "user.fuseoverlayfs.opaque", value, size);
}

/* What .wh..wh..opq says. */
static void answer_opaque(fuse_req_t request, size_t size) {
    if (size == 0) fuse_reply_xattr(request, 1);
    else fuse_reply_buf(request, "y", 1);
}

void op_getxattr(fuse_req_t request, fuse_ino_t node, const char *name, size_t size) {
    struct ext2_xattr_handle *handle;
    void *value = NULL;
    size_t length = 0;
    int error = is_kept(name) ? open_attributes(inode_of(node), &handle) : EOPNOTSUPP;
    if (!error) {
        error = find_mark(handle, name, &value, &length);
        ext2fs_xattrs_close(&handle);
    }
    if (error == ENODATA && is_opaque(inode_of(node)) && strcmp(name, OPAQUE_NAME) == 0) {
        answer_opaque(request, size);
        return;
    }
    if (!error && size > 0 && length > size) error = ERANGE;
    if (error) fuse_reply_err(request, error);
    else if (size == 0) fuse_reply_xattr(request, length);
    else fuse_reply_buf(request, value, length);
    if (value) ext2fs_free_mem(&value);
}

struct list {
    char *bytes;
    size_t size, room;
};

static int add(char *name, char *value, size_t length, void *context) {
    (void)value, (void)length;
    struct list *list = context;
    size_t needed = strlen(name) + 1;
    if (!is_kept(name)) return 0;
    if (list->size + needed <= list->room) memcpy(list->bytes + list->size, name, needed);
    list->size += needed;
    return 0;
}

void op_listxattr(fuse_req_t request, fuse_ino_t node, size_t size) {
    struct ext2_xattr_handle *handle;
    struct list list = {malloc(size ? size : 1), 0, size};
    int error = list.bytes ? open_attributes(inode_of(node), &handle) : ENOMEM;
    if (!error) {
        error = error_number(ext2fs_xattrs_iterate(handle, add, &list));
        ext2fs_xattrs_close(&handle);
    }
    if (!error && size > 0 && list.size > size) error = ERANGE;
    if (error) fuse_reply_err(request, error);
    else if (size == 0) fuse_reply_xattr(request, list.size);
    else fuse_reply_buf(request, list.bytes, list.size);
    free(list.bytes);
}

static bool has(struct ext2_xattr_handle *handle, const char *name) {
    void *value = NULL;
    size_t size;
    bool found = find(handle, name, &value, &size) == 0;
    if (value) ext2fs_free_mem(&value);
    return found;
}

static int close_changed(struct ext2_xattr_handle *handle, ext2_ino_t number, int error) {
    int closed = error_number(ext2fs_xattrs_close(&handle));
    if (!error) error = closed;
    return error ? error : touch_inode(number, CHANGED);
}

void op_setxattr(fuse_req_t request, fuse_ino_t node, const char *name, const char *value, size_t size, int flags) {
    struct ext2_xattr_handle *handle;
    int error = !server.writable ? EROFS : !is_kept(name) ? EOPNOTSUPP : open_attributes(inode_of(node), &handle);
    if (!error) {
        if (flags & XATTR_CREATE && has(handle, name)) error = EEXIST;
        else if (flags & XATTR_REPLACE && !has(handle, name)) error = ENODATA;
        else error = error_number(ext2fs_xattr_set(handle, name, value, size));
        error = close_changed(handle, inode_of(node), error);
    }
    fuse_reply_err(request, error);
}

void op_removexattr(fuse_req_t request, fuse_ino_t node, const char *name) {
    struct ext2_xattr_handle *handle;
    int error = !server.writable ? EROFS : !is_kept(name) ? ENODATA : open_attributes(inode_of(node), &handle);
    if (!error) {
        error = has(handle, name) ? error_number(ext2fs_xattr_remove(handle, name)) : ENODATA;
        error = close_changed(handle, inode_of(node), error);
    }
    fuse_reply_err(request, error);
}

static bool says_yes(struct ext2_xattr_handle *handle, const char *name) {
    void *value = NULL;
    size_t size = 0;
    bool result = find(handle, name, &value, &size) == 0 && size == 1 && *(const char *)value == 'y';
    if (value) ext2fs_free_mem(&value);
    return result;
}

int has_foreign_opaque(ext2_ino_t directory) {
    struct ext2_xattr_handle *handle;
    int error = open_attributes(directory, &handle);
    if (error) return -error;
    bool isForeign = !has(handle, OPAQUE_NAME)
        && (says_yes(handle, "trusted.overlay.opaque") || says_yes(handle, "user.fuseoverlayfs.opaque"));
    ext2fs_xattrs_close(&handle);
    return isForeign;
}

int set_opaque(ext2_ino_t directory) {
    struct ext2_xattr_handle *handle;
    int error = open_attributes(directory, &handle);
    if (error) return error;
    if (!has(handle, OPAQUE_NAME)) error = error_number(ext2fs_xattr_set(handle, OPAQUE_NAME, "y", 1));
    int closed = error_number(ext2fs_xattrs_close(&handle));
    return error ? error : closed;
}
