/* An I/O manager of libext2fs for a part of an open file: it cannot write, and reads nothing outside its part. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "range.h"

/* libext2fs opens by name; this one is "FD:OFFSET:SIZE". */
struct range {
    int fd;
    uint64_t offset, size;
};

static errcode_t range_open(const char *name, int flags, io_channel *result) {
    if (flags & IO_FLAG_RW) return EROFS;
    struct struct_io_channel *channel = calloc(1, sizeof *channel);
    struct range *range = calloc(1, sizeof *range);
    char *copy = strdup(name);
    if (channel == NULL || range == NULL || copy == NULL) {
        free(channel);
        free(range);
        free(copy);
        return ENOMEM;
    }
    char *end = copy;
    range->fd = (int)strtol(end, &end, 10);
    range->offset = strtoull(*end == ':' ? end + 1 : end, &end, 10);
    range->size = strtoull(*end == ':' ? end + 1 : end, &end, 10);
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = skl_extfs_range_manager;
    channel->name = copy;
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = range;
    *result = channel;
    return 0;
}

static errcode_t range_close(io_channel channel) {
    if (--channel->refcount > 0) return 0;
    free(channel->private_data);
    free(channel->name);
    free(channel);
    return 0;
}

static errcode_t range_set_blksize(io_channel channel, int size) {
    channel->block_size = size;
    return 0;
}

/* A negative count is one of bytes. */
static errcode_t range_read(io_channel channel, unsigned long long block, int count, void *buffer) {
    const struct range *range = channel->private_data;
    uint64_t size = count < 0 ? (uint64_t)-(int64_t)count : (uint64_t)count * (uint64_t)channel->block_size;
    uint64_t position;
    if (__builtin_mul_overflow(block, (uint64_t)channel->block_size, &position) || position > range->size ||
        size > range->size - position)
        return EXT2_ET_SHORT_READ;
    char *next = buffer;
    while (size > 0) {
        ssize_t got = pread(range->fd, next, size, (off_t)(range->offset + position));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) return EXT2_ET_SHORT_READ;
        next += got;
        position += (uint64_t)got;
        size -= (uint64_t)got;
    }
    return 0;
}

static errcode_t range_read_old(io_channel channel, unsigned long block, int count, void *buffer) {
    return range_read(channel, block, count, buffer);
}

static errcode_t range_write(io_channel channel, unsigned long block, int count, const void *buffer) {
    (void)channel, (void)block, (void)count, (void)buffer;
    return EROFS;
}

static errcode_t range_flush(io_channel channel) {
    (void)channel;
    return 0;
}

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "a part of a file",
    .open = range_open,
    .close = range_close,
    .set_blksize = range_set_blksize,
    .read_blk = range_read_old,
    .read_blk64 = range_read,
    .write_blk = range_write,
    .flush = range_flush,
};

io_manager const skl_extfs_range_manager = &manager;
