#include "server.h"

#include <dirent.h>
#include <stdlib.h>

/* The names of an open directory as they were when it was last read from its beginning: so no name is missed or comes twice
 * while others are made and removed. */
struct listing {
    char *bytes;
    size_t size, room;
    /* Where each name begins. A program may ask for any place of a directory, so places are indices. */
    size_t *starts;
    size_t count, places;
    bool isRead;
};

struct name {
    uint32_t inode;
    uint16_t length;
    uint8_t type;
    char text[];
};

struct reading {
    struct listing *listing;
    int error;
};

static size_t step(size_t length) { return (sizeof(struct name) + length + 8) & ~(size_t)7; }

static int take(ext2_ino_t directory, int place, struct ext2_dir_entry *found, int offset, int size, char *block,
                void *context) {
    (void)directory, (void)place, (void)offset, (void)size, (void)block;
    struct reading *reading = context;
    struct listing *listing = reading->listing;
    size_t length = (size_t)ext2fs_dirent_name_len(found);
    if (listing->count == listing->places) {
        size_t places = listing->places ? listing->places * 2 : 128;
        size_t *starts = reallocarray(listing->starts, places, sizeof *starts);
        if (!starts) {
            reading->error = ENOMEM;
            return DIRENT_ABORT;
        }
        listing->starts = starts;
        listing->places = places;
    }
    if (listing->size + step(length) > listing->room) {
        size_t room = listing->room ? listing->room * 2 : 8192;
        char *bytes = realloc(listing->bytes, room);
        if (!bytes) {
            reading->error = ENOMEM;
            return DIRENT_ABORT;
        }
        listing->bytes = bytes;
        listing->room = room;
    }
    struct name *name = (struct name *)(listing->bytes + listing->size);
    name->inode = found->inode;
    name->length = (uint16_t)length;
    name->type = (uint8_t)ext2fs_dirent_file_type(found);
    memcpy(name->text, found->name, length);
    name->text[length] = 0;
    listing->starts[listing->count++] = listing->size;
    listing->size += step(length);
    return 0;
}

static int read_names(ext2_ino_t directory, struct listing *listing) {
    struct reading reading = {listing, 0};
    listing->size = listing->count = 0;
    errcode_t error = ext2fs_dir_iterate2(server.fs, directory, 0, NULL, take, &reading);
    listing->isRead = true;
    return reading.error ? reading.error : error_number(error);
}

static mode_t mode_of(uint8_t type) {
    static const mode_t modes[] = {0, S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};
    return type < sizeof modes / sizeof *modes ? modes[type] : 0;
}

void op_opendir(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    (void)node;
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing) {
        fuse_reply_err(request, ENOMEM);
        return;
    }
    file->fh = (uint64_t)(uintptr_t)listing;
    fuse_reply_open(request, file);
}

void op_readdir(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file) {
    struct listing *listing = (struct listing *)(uintptr_t)file->fh;
    int error = offset == 0 || !listing->isRead ? read_names(inode_of(node), listing) : 0;
    char *buffer = error ? NULL : malloc(size ? size : 1);
    if (!buffer) {
        fuse_reply_err(request, error ? error : ENOMEM);
        return;
    }
    size_t used = 0;
    for (size_t place = (size_t)offset; place < listing->count; place++) {
        const struct name *name = (const struct name *)(listing->bytes + listing->starts[place]);
        const char *shown = shown_name(inode_of(node), name->text, name->inode);
        if (!shown) continue;
        struct stat facts = {
            .st_ino = name->inode, .st_mode = is_whiteout(name->inode) ? S_IFCHR : mode_of(name->type)};
        size_t needed = fuse_add_direntry(request, buffer + used, size - used, shown, &facts, (off_t)place + 1);
        if (needed > size - used) break;
        used += needed;
    }
    fuse_reply_buf(request, buffer, used);
    free(buffer);
}

void op_releasedir(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *file) {
    (void)node;
    struct listing *listing = (struct listing *)(uintptr_t)file->fh;
    free(listing->bytes);
    free(listing->starts);
    free(listing);
    fuse_reply_err(request, 0);
}

static int note_name(ext2_ino_t directory, int place, struct ext2_dir_entry *found, int offset, int size, char *block,
                     void *context) {
    (void)directory, (void)offset, (void)size, (void)block, (void)found;
    if (place != DIRENT_OTHER_FILE) return 0;
    *(bool *)context = false;
    return DIRENT_ABORT;
}

bool is_empty(ext2_ino_t directory) {
    bool empty = true;
    return ext2fs_dir_iterate2(server.fs, directory, 0, NULL, note_name, &empty) == 0 && empty;
}
