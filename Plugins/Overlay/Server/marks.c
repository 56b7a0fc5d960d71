/* What other dialects of overlays say: root's overlayfs marks with trusted.overlay.*, fuse-overlayfs with user.fuseoverlayfs.opaque
 * and with empty files named .wh.NAME. A writable image is put into the one dialect that is written, user.overlay.* and devices
 * 0:0; of one that is only read it is known by lists, and the server tells the kernel the same. */
#include "server.h"

#include <stdlib.h>

#define PREFIX ".wh."
enum { PREFIX_LENGTH = sizeof PREFIX - 1 };

enum kind { OPAQUE, HIDDEN, WHITEOUT };

struct finding {
    enum kind kind;
    ext2_ino_t directory, inode;
    char name[EXT2_NAME_LEN + 1];
};

struct search {
    /* Directories that wait to be looked at. */
    ext2_ino_t *waiting;
    size_t waits, room;
    uint8_t *seen;
    struct finding *found;
    size_t count, places;
    ext2_ino_t directory;
    /* No file system has more entries than its blocks can hold, whatever its directories claim together. */
    uint64_t budget;
    int error;
};

static bool get(const uint8_t *bits, ext2_ino_t inode) {
    return bits && inode <= server.fs->super->s_inodes_count && bits[inode / 8] >> (inode % 8) & 1;
}

static void set(uint8_t *bits, ext2_ino_t inode) { bits[inode / 8] |= (uint8_t)(1 << (inode % 8)); }

static uint8_t *make_bits(void) { return calloc((size_t)server.fs->super->s_inodes_count / 8 + 1, 1); }

static int note(struct search *search, enum kind kind, ext2_ino_t inode, const char *name, size_t length) {
    if (search->count == search->places) {
        size_t places = search->places * 2 + 16;
        struct finding *more = reallocarray(search->found, places, sizeof *more);
        if (!more) return ENOMEM;
        search->found = more;
        search->places = places;
    }
    struct finding *made = &search->found[search->count++];
    *made = (struct finding){.kind = kind, .directory = search->directory, .inode = inode};
    memcpy(made->name, name, length);
    return 0;
}

static int wait_for(struct search *search, ext2_ino_t inode) {
    if (get(search->seen, inode)) return 0;
    set(search->seen, inode);
    if (search->waits == search->room) {
        size_t room = search->room * 2 + 64;
        ext2_ino_t *more = reallocarray(search->waiting, room, sizeof *more);
        if (!more) return ENOMEM;
        search->waiting = more;
        search->room = room;
    }
    search->waiting[search->waits++] = inode;
    return 0;
}

/* As fuse-overlayfs makes them. A file of that name that somebody has written to is a file. */
static bool is_mark(const struct ext2_inode_large *inode) {
    if (inode->i_links_count != 1) return false;
    if (S_ISREG(inode->i_mode)) return (inode->i_mode & 07777) == 0700 && EXT2_I_SIZE(inode) == 0;
    return S_ISCHR(inode->i_mode) && inode->i_block[0] == 0 && inode->i_block[1] == 0;
}

static int look_at(ext2_ino_t directory, int place, struct ext2_dir_entry *entry, int offset, int size, char *block,
                   void *context) {
    (void)directory, (void)offset, (void)size, (void)block;
    struct search *search = context;
    struct ext2_inode_large inode;
    size_t length = (size_t)ext2fs_dirent_name_len(entry);
    if (search->budget-- == 0) search->error = EIO;
    if (search->error) return DIRENT_ABORT;
    if (place != DIRENT_OTHER_FILE || entry->inode == 0 || entry->inode > server.fs->super->s_inodes_count) return 0;
    bool isNamed = length > PREFIX_LENGTH && memcmp(entry->name, PREFIX, PREFIX_LENGTH) == 0;
    int type = ext2fs_dirent_file_type(entry);
    if (!isNamed && type != EXT2_FT_DIR && type != EXT2_FT_UNKNOWN) return 0;
    if (read_inode(entry->inode, &inode) != 0) return 0;
    if (S_ISDIR(inode.i_mode)) {
        search->error = wait_for(search, entry->inode);
    } else if (isNamed && is_mark(&inode)) {
        bool isAll = memcmp(entry->name + PREFIX_LENGTH, PREFIX, length - PREFIX_LENGTH < 4 ? length - PREFIX_LENGTH : 4) == 0;
        search->error = note(search, isAll ? HIDDEN : WHITEOUT, entry->inode, entry->name, length);
        if (isAll && !search->error) search->error = note(search, OPAQUE, directory, "", 0);
    }
    return search->error ? DIRENT_ABORT : 0;
}

static int look_into(struct search *search, ext2_ino_t directory) {
    int opaque = has_foreign_opaque(directory);
    search->directory = directory;
    if (opaque > 0) search->error = note(search, OPAQUE, directory, "", 0);
    if (search->error) return search->error;
    errcode_t error = ext2fs_dir_iterate2(server.fs, directory, 0, NULL, look_at, search);
    /* A damaged directory says so to whoever reads it. */
    (void)error;
    return search->error;
}

static int find_all(struct search *search) {
    *search = (struct search){.seen = make_bits()};
    search->budget = ext2fs_blocks_count(server.fs->super) * (server.fs->blocksize / 12);
    int error = search->seen ? wait_for(search, EXT2_ROOT_INO) : ENOMEM;
    while (!error && search->waits > 0) error = look_into(search, search->waiting[--search->waits]);
    free(search->seen);
    free(search->waiting);
    return error;
}

static int make_whiteout(const struct finding *found) {
    struct ext2_inode_large inode;
    ext2_ino_t there;
    const char *name = found->name + PREFIX_LENGTH;
    int error = read_inode(found->inode, &inode);
    if (error) return error;
    error = find_name(found->directory, name, &there);
    if (error == ENOENT) {
        inode.i_mode = S_IFCHR;
        inode.i_flags &= ~(uint32_t)(EXT4_EXTENTS_FL | EXT4_INLINE_DATA_FL);
        memset(inode.i_block, 0, sizeof inode.i_block);
        error = write_inode(found->inode, &inode);
        if (!error) error = add_name(found->directory, name, found->inode, S_IFCHR);
        return error ? error : remove_name(found->directory, found->name);
    }
    if (error) return error;
    error = drop_name(found->inode, &inode, 1);
    if (!error) error = remove_name(found->directory, found->name);
    return error ? error : free_if_unused(found->inode);
}

static int remove_mark(const struct finding *found) {
    struct ext2_inode_large inode;
    int error = read_inode(found->inode, &inode);
    if (!error) error = drop_name(found->inode, &inode, 1);
    if (!error) error = remove_name(found->directory, found->name);
    return error ? error : free_if_unused(found->inode);
}

static int translate(const struct finding *found) {
    switch (found->kind) {
    case OPAQUE: return set_opaque(found->directory);
    case HIDDEN: return remove_mark(found);
    default: return make_whiteout(found);
    }
}

/* For an image that is only read. */
static int remember(const struct finding *found) {
    uint8_t **bits = found->kind == OPAQUE ? &server.opaque : found->kind == HIDDEN ? &server.hidden : &server.whiteouts;
    if (!*bits) *bits = make_bits();
    if (!*bits) return ENOMEM;
    set(*bits, found->kind == OPAQUE ? found->directory : found->inode);
    return 0;
}

int settle_marks(size_t *count) {
    struct search search;
    int error = find_all(&search);
    /* An opaque directory is marked before the file that said so goes. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t index = 0; !error && index < search.count; index++)
            if ((search.found[index].kind == OPAQUE) == (pass == 0))
                error = server.writable ? translate(&search.found[index]) : remember(&search.found[index]);
    *count = search.count;
    free(search.found);
    return error;
}

bool is_opaque(ext2_ino_t directory) { return get(server.opaque, directory); }

bool is_whiteout(ext2_ino_t inode) { return get(server.whiteouts, inode); }

static bool is_hidden(ext2_ino_t inode) { return get(server.hidden, inode); }

int find_shown(ext2_ino_t directory, const char *name, ext2_ino_t *found) {
    int error = find_name(directory, name, found);
    if (!server.whiteouts && !server.hidden) return error;
    if (!error && (is_hidden(*found) || is_whiteout(*found))) return ENOENT;
    size_t length = strlen(name);
    if (error != ENOENT || length + PREFIX_LENGTH > EXT2_NAME_LEN) return error;
    char other[EXT2_NAME_LEN + 1] = PREFIX;
    memcpy(other + PREFIX_LENGTH, name, length + 1);
    error = find_name(directory, other, found);
    return error ? error : is_whiteout(*found) ? 0 : ENOENT;
}

const char *shown_name(ext2_ino_t directory, const char *name, ext2_ino_t inode) {
    ext2_ino_t there;
    if (is_hidden(inode)) return NULL;
    /* An image may give such an inode any name besides. */
    if (!is_whiteout(inode) || strncmp(name, PREFIX, PREFIX_LENGTH) != 0) return name;
    return find_name(directory, name + PREFIX_LENGTH, &there) == 0 ? NULL : name + PREFIX_LENGTH;
}
