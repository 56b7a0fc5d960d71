/* Room on the disk below an image that has holes: a block that is free in the file system need not have a place there. A change that
 * fails in the middle would leave the file system in pieces, so a few megabytes are kept in a file without a name beside the image.
 * When the disk is full they are given up for the change that is being made. From then on no file grows, until there is as much room
 * again: deleting in the container makes some, since blocks that are free in the file system are then given back to the disk. New
 * names need less, so that an overlay can still be mounted, and emptied, on a disk that somebody has filled. */
#include "server.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <unistd.h>

/* More than the largest request with what it changes of the file system's own blocks; more than a name with the same. */
enum { KEPT = 4 << 20, KEPT_FOR_NAMES = 1 << 20 };

static int kept = -1;
/* Bytes that the file has of the disk. */
static off_t held;
/* How many blocks were free when those were last given back. */
static uint64_t returned;
static uint64_t start;

static bool hold(off_t size) {
    if (held >= size) return true;
    if (fallocate(kept, 0, 0, size) == 0) {
        held = size;
        return true;
    }
    int error = errno;
    /* ext4 keeps what it found before it failed. */
    if (ftruncate(kept, held) != 0) held = 0;
    errno = error;
    return false;
}

static void return_free_blocks(void) {
    ext2_filsys fs = server.fs;
    blk64_t first = fs->super->s_first_data_block, end = ext2fs_blocks_count(fs->super), used;
    if (ext2fs_free_blocks_count(fs->super) <= returned) return;
    returned = ext2fs_free_blocks_count(fs->super);
    while (first < end && ext2fs_find_first_zero_block_bitmap2(fs->block_map, first, end - 1, &first) == 0) {
        if (ext2fs_find_first_set_block_bitmap2(fs->block_map, first, end - 1, &used) != 0) used = end;
        if (fallocate(server.image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(start + first * fs->blocksize),
                      (off_t)((used - first) * fs->blocksize)) != 0) return;
        first = used;
    }
}

static bool is_held(off_t size) {
    if (kept < 0 || hold(size)) return true;
    return_free_blocks();
    return hold(size);
}

bool has_room(void) { return is_held(KEPT); }

bool has_room_for_names(void) { return is_held(KEPT_FOR_NAMES); }

/* Called by libext2fs when a write has failed: makes room, and writes once more. */
static errcode_t write_again(io_channel channel, unsigned long block, int count, const void *data, size_t size, int written,
                             errcode_t error) {
    (void)count, (void)written;
    const char *bytes = data;
    off_t place = (off_t)(start + (uint64_t)block * (uint64_t)channel->block_size);
    bool isFull = error == ENOSPC || error == EDQUOT || error == EXT2_ET_SHORT_WRITE;
    if (isFull && held > 0 && ftruncate(kept, 0) == 0) held = 0, returned = 0;
    while (isFull && size > 0) {
        ssize_t done = pwrite(server.image, bytes, size, place);
        if (done <= 0) break;
        bytes += done, place += done, size -= (size_t)done;
    }
    if (isFull && size == 0) return 0;
    server.failed = true;
    return error == EXT2_ET_SHORT_WRITE ? ENOSPC : error;
}

void keep_room(uint64_t offset) {
    struct stat facts;
    char path[4096], name[32];
    start = offset;
    server.fs->io->write_error = write_again;
    if (fstat(server.image, &facts) != 0 || facts.st_blocks >= facts.st_size / 512) return;
    snprintf(name, sizeof name, "/proc/self/fd/%d", server.image);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    char *last = strrchr(path, '/');
    if (!last) return;
    last[last == path] = 0;
    kept = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (kept < 0) return;
    if (!has_room() && errno != ENOSPC && errno != EDQUOT) {
        /* Files here cannot be given room beforehand. */
        close(kept);
        kept = -1;
    }
}
