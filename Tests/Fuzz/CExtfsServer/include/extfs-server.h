#ifndef SKIFF_FUZZ_EXTFS_SERVER_H
#define SKIFF_FUZZ_EXTFS_SERVER_H

#include <stddef.h>
#include <stdint.h>

/* Opens an image as the server does, sends it the requests that the image's boot block names, and closes it. Returns a bit for each kind
 * of request that has succeeded: 1 << LINK, for instance. */
uint32_t skf_serve(const uint8_t *bytes, size_t size);

enum {
    LOOKUP, GETATTR, READDIR, READ, WRITE, CREATE, MKDIR, MKNOD, SYMLINK, LINK, UNLINK, RMDIR, RENAME, SETATTR, READLINK, SETXATTR,
    GETXATTR, LISTXATTR, REMOVEXATTR, FALLOCATE, LSEEK, STATFS, FSYNC, FORGET, KINDS
};

#endif
