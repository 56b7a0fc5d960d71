/* The marks of a directory of the host that is an overlay, or was one for fuse-overlayfs: the same as marks.c has for images. Whoever
 * owns the directory may change it meanwhile, so every step is made from an open directory, and none follows a link. */
#include "server.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PREFIX ".wh."
enum { PREFIX_LENGTH = sizeof PREFIX - 1, DEEPEST = 400 };

static bool changes;
static size_t left;

static bool says_yes(int directory, const char *name) {
    char value[2];
    return fgetxattr(directory, name, value, sizeof value) == 1 && *value == 'y';
}

/* Whether overlayfs finds it opaque afterwards, root's as well where root does this. */
static bool mark_opaque(int directory) {
    char value[8];
    if (changes) fsetxattr(directory, "trusted.overlay.opaque", "y", 1, 0);
    if (fgetxattr(directory, "user.overlay.opaque", value, sizeof value) >= 0) return true;
    if (changes && fsetxattr(directory, "user.overlay.opaque", "y", 1, 0) == 0) return true;
    left++;
    return false;
}

static bool is_mark(const struct stat *facts) {
    if (facts->st_nlink != 1) return false;
    if (S_ISREG(facts->st_mode)) return (facts->st_mode & 07777) == 0700 && facts->st_size == 0;
    return S_ISCHR(facts->st_mode) && facts->st_rdev == 0;
}

static void put_right(int directory, const char *name) {
    const char *hidden = name + PREFIX_LENGTH;
    bool isAll = strncmp(hidden, PREFIX, PREFIX_LENGTH) == 0;
    if (isAll && !mark_opaque(directory)) return;
    if (!isAll && changes && mknodat(directory, hidden, S_IFCHR, 0) != 0 && errno != EEXIST) changes = false;
    if (!changes || unlinkat(directory, name, 0) != 0) left++;
}

/* Takes over the descriptor. */
static void look_into(int descriptor, int depth) {
    DIR *directory = fdopendir(descriptor);
    struct dirent *entry;
    struct stat facts;
    if (!directory) {
        close(descriptor);
        return;
    }
    if (says_yes(descriptor, "user.fuseoverlayfs.opaque")) mark_opaque(descriptor);
    while ((entry = readdir(directory))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        bool isNamed = strncmp(name, PREFIX, PREFIX_LENGTH) == 0 && name[PREFIX_LENGTH] != 0;
        if (!isNamed && entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) continue;
        if (fstatat(descriptor, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISDIR(facts.st_mode)) {
            int below = depth < DEEPEST ? openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
            if (below >= 0) look_into(below, depth + 1);
        } else if (isNamed && is_mark(&facts)) {
            put_right(descriptor, name);
        }
    }
    closedir(directory);
}

int settle_tree(int directory, bool writes) {
    changes = writes;
    look_into(directory, 0);
    return left > 0 ? 3 : 0;
}
