/* skiff.host.plan/1: the plan while it is open, given by the host.
 *
 * Every entry carries a reason for --explain, such as "GPU library". What a plugin adds is checked as if an image's
 * author had written it. Calls outside the phases that the marks name return SKIFF_E_DENIED. */
#ifndef SKIFF_PLAN_H
#define SKIFF_PLAN_H

#include "plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_PLAN "skiff.host.plan/1"

/* skiff_mount.kind */
#define SKIFF_MOUNT_BIND 1              /* source: a path of the host, with everything mounted below it */
#define SKIFF_MOUNT_FILESYSTEM 2        /* source: the type; options: a comma list */
#define SKIFF_MOUNT_SESSION_DIRECTORY 3 /* an empty directory in memory, with mode */
#define SKIFF_MOUNT_FILE 4              /* content, read-only */
#define SKIFF_MOUNT_SYMLINK 5           /* source: the target; only below directories that the core staged */

/* skiff_mount.group: when, relative to the others; inside a group in order of addition. */
#define SKIFF_GROUP_DEV 0
#define SKIFF_GROUP_HOSTFS 1
#define SKIFF_GROUP_BINDS 2
#define SKIFF_GROUP_KERNEL 3
#define SKIFF_GROUP_HOME 4
#define SKIFF_GROUP_TMP 5
#define SKIFF_GROUP_SCRATCH 6
#define SKIFF_GROUP_FILES 7
#define SKIFF_GROUP_USER_BINDS 8
#define SKIFF_GROUP_CWD 9

/* skiff_mount.flags */
#define SKIFF_MOUNT_READ_ONLY 0x1
#define SKIFF_MOUNT_NO_SUID 0x2
#define SKIFF_MOUNT_NO_DEV 0x4
#define SKIFF_MOUNT_NO_EXEC 0x8
#define SKIFF_MOUNT_NO_CREATE 0x100 /* a destination that the image lacks is not supplied */

/* skiff_mount.missing: what happens when source or destination cannot be had. */
#define SKIFF_MISSING_FAIL 0
#define SKIFF_MISSING_WARN 1
#define SKIFF_MISSING_IGNORE 2

typedef struct skiff_mount {
    uint32_t struct_size;
    uint32_t kind;
    uint32_t group;
    uint32_t flags;
    uint32_t missing;
    uint32_t mode;
    const char *source;
    const char *destination; /* absolute, inside the container; cannot lead out of its root */
    const char *options;     /* or NULL */
    const void *content;
    uint64_t content_size;
    const char *reason;
} skiff_mount;

/* skiff_layer.kind. Later layers lie above earlier ones, all above the image. */
#define SKIFF_LAYER_LOWER 1           /* path: a read-only directory of the host */
#define SKIFF_LAYER_UPPER 2           /* path and work: writable, existing directories of one file system */
#define SKIFF_LAYER_TEMPORARY_UPPER 3 /* writable in memory, gone with the container; at most size bytes, 0: default */
#define SKIFF_LAYER_SERVED 4          /* an image: fd, offset, size; mounted by the skiff.filesystem/1 of filesystem */

#define SKIFF_LAYER_WRITABLE 0x1 /* flags, for SKIFF_LAYER_SERVED: upper and work lie inside */

typedef struct skiff_layer {
    uint32_t struct_size;
    uint32_t kind;
    uint32_t flags;
    int32_t fd; /* borrowed; -1 without */
    uint64_t offset;
    uint64_t size;
    const char *path;
    const char *work;
    const char *filesystem; /* "ext3", "squashfs" */
    const char *reason;
} skiff_layer;

/* skiff_variable.operation */
#define SKIFF_VARIABLE_SET 1
#define SKIFF_VARIABLE_UNSET 2
#define SKIFF_VARIABLE_PREPEND_PATH 3 /* before the first ':' element */
#define SKIFF_VARIABLE_APPEND_PATH 4

typedef struct skiff_variable {
    uint32_t struct_size;
    uint32_t operation;
    const char *name;
    const char *value;
    const char *reason;
} skiff_variable;

typedef struct skiff_device {
    uint32_t struct_size;
    uint32_t reserved;
    const char *path; /* below /dev, the same outside and inside */
    const char *reason;
} skiff_device;

/* want_namespace */
#define SKIFF_NAMESPACE_PID 1
#define SKIFF_NAMESPACE_IPC 2
#define SKIFF_NAMESPACE_UTS 3
#define SKIFF_NAMESPACE_NETWORK 4
#define SKIFF_NAMESPACE_CGROUP 5

typedef struct skiff_host_plan {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] during prepare and mounts */
    int32_t (*add_mount)(skiff_session *session, const skiff_mount *mount);
    int32_t (*add_layer)(skiff_session *session, const skiff_layer *layer);
    int32_t (*add_device)(skiff_session *session, const skiff_device *device);
    /* [parent] during prepare, mounts and environment */
    int32_t (*add_variable)(skiff_session *session, const skiff_variable *variable);
    /* [parent] during prepare */
    int32_t (*want_namespace)(skiff_session *session, uint32_t which, const char *reason);
    /* [parent] during prepare, mounts and environment: a line for --explain. */
    int32_t (*note)(skiff_session *session, const char *text);
    /* [parent] during prepare, mounts and environment: what is decided so far, by name. SKIFF_DECLINED: no such fact.
     *   minimal-dev      1: /dev holds a few nodes only, so that devices must be added
     *   writable-image   1: the image itself is opened for writing
     *   writable-layers  how many writable layers there are already
     *   rootless         1: the container is made without the powers of root */
    int32_t (*fact)(skiff_session *session, const char *name, int64_t *out);
} skiff_host_plan;

SKIFF_END

#endif
