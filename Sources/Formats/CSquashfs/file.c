#define _GNU_SOURCE 1
#include <errno.h>
#include <unistd.h>

#include "csquashfs.h"

static int fail(skl_squashfs_file *file, int error) {
    if (file->error == 0) file->error = error;
    return SQFS_ERROR_IO;
}

static int read_at(sqfs_file_t *base, sqfs_u64 position, void *buffer, size_t size) {
    skl_squashfs_file *file = (skl_squashfs_file *)base;
    char *next = buffer;
    if (position > file->size || size > file->size - position) return SQFS_ERROR_OUT_OF_BOUNDS;
    if (file->read) {
        int error = file->read(file->context, position, buffer, size);
        return error ? fail(file, error) : 0;
    }
    while (size > 0) {
        ssize_t count = pread(file->fd, next, size, (off_t)(file->offset + position));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(file, errno);
        if (count == 0) return SQFS_ERROR_OUT_OF_BOUNDS;
        next += count;
        size -= (size_t)count;
        position += (sqfs_u64)count;
    }
    return 0;
}

static int write_at(sqfs_file_t *base, sqfs_u64 position, const void *buffer, size_t size) {
    skl_squashfs_file *file = (skl_squashfs_file *)base;
    const char *next = buffer;
    if (file->write) {
        int error = file->write(file->context, position, buffer, size);
        if (error) return fail(file, error);
        if (position + size > file->size) file->size = position + size;
        return 0;
    }
    while (size > 0) {
        ssize_t count = pwrite(file->fd, next, size, (off_t)(file->offset + position));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(file, errno);
        next += count;
        size -= (size_t)count;
        position += (sqfs_u64)count;
        if (position > file->size) file->size = position;
    }
    return 0;
}

static sqfs_u64 get_size(const sqfs_file_t *base) { return ((const skl_squashfs_file *)base)->size; }

/* Duplicates are taken back this way. The file itself is cut once, at the end. */
static int set_size(sqfs_file_t *base, sqfs_u64 size) {
    ((skl_squashfs_file *)base)->size = size;
    return 0;
}

static void destroy(sqfs_object_t *object) { free(object); }

skl_squashfs_file *skl_squashfs_file_create(int fd, uint64_t offset) {
    skl_squashfs_file *file = calloc(1, sizeof *file);
    if (file == NULL) return NULL;
    file->base.base.destroy = destroy;
    file->base.read_at = read_at;
    file->base.write_at = write_at;
    file->base.get_size = get_size;
    file->base.truncate = set_size;
    file->fd = fd;
    file->offset = offset;
    return file;
}

sqfs_inode_generic_t *skl_squashfs_inode_create(uint16_t type, uint32_t payload) {
    sqfs_inode_generic_t *inode = calloc(1, sizeof *inode + payload);
    if (inode == NULL) return NULL;
    inode->base.type = type;
    inode->payload_bytes_available = payload;
    inode->payload_bytes_used = payload;
    return inode;
}
