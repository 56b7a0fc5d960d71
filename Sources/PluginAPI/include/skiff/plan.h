/* skiff.host.plan/3: the plan while it is open, given by the host.
 *
 * Every entry carries a reason for --explain, such as "GPU library". What a plugin adds is checked as if an image's
 * author had written it. Calls outside the phases that the marks name return SKIFF_E_DENIED. */
#ifndef SKIFF_PLAN_H
#define SKIFF_PLAN_H

#include "plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_PLAN "skiff.host.plan/3"

/* skiff_mount.kind */
#define SKIFF_MOUNT_KIND_BIND 1              /* source: a path of the host, with everything mounted below it */
#define SKIFF_MOUNT_KIND_FILESYSTEM 2        /* source: the type; options: a comma list */
#define SKIFF_MOUNT_KIND_SESSION_DIRECTORY 3 /* an empty directory in memory, with mode */
#define SKIFF_MOUNT_KIND_FILE 4              /* content, read-only */
#define SKIFF_MOUNT_KIND_SYMLINK 5           /* source: the target; the place must not exist in the image */

/* skiff_mount.group: when, relative to the others; inside a group in order of addition. There is no group 0, and the
 * numbers between these are no groups yet. */
#define SKIFF_MOUNT_GROUP_DEV 100
#define SKIFF_MOUNT_GROUP_HOSTFS 200
#define SKIFF_MOUNT_GROUP_BINDS 300
#define SKIFF_MOUNT_GROUP_KERNEL 400
#define SKIFF_MOUNT_GROUP_HOME 500
#define SKIFF_MOUNT_GROUP_TMP 600
#define SKIFF_MOUNT_GROUP_SCRATCH 700
#define SKIFF_MOUNT_GROUP_FILES 800
#define SKIFF_MOUNT_GROUP_USER_BINDS 900
#define SKIFF_MOUNT_GROUP_CWD 1000

/* skiff_mount.flags */
#define SKIFF_MOUNT_FLAG_READ_ONLY 0x1
#define SKIFF_MOUNT_FLAG_NO_SUID 0x2
#define SKIFF_MOUNT_FLAG_NO_DEV 0x4
#define SKIFF_MOUNT_FLAG_NO_EXEC 0x8
#define SKIFF_MOUNT_FLAG_NO_CREATE 0x100 /* a destination that the image lacks is not supplied */

/* missing: what happens when the source, the destination or the device cannot be had. */
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
#define SKIFF_LAYER_KIND_LOWER 1           /* path: a read-only directory of the host */
#define SKIFF_LAYER_KIND_UPPER 2           /* path and work: writable, existing directories of one file system */
#define SKIFF_LAYER_KIND_TEMPORARY_UPPER 3 /* writable in memory, gone with the container; at most size bytes, 0: default */
#define SKIFF_LAYER_KIND_SERVED 4          /* a file system in a file: fd, offset, size, filesystem */

/* flags, for SKIFF_LAYER_KIND_SERVED: the file is open for writing, and path and work are written to */
#define SKIFF_LAYER_FLAG_WRITABLE 0x1

/* SKIFF_LAYER_KIND_SERVED: root has squashfs, ext3 and ext4 mounted by the kernel where skiff.conf allows it; squashfs is
 * served by the host for everybody else; for the rest there must be a plugin with skiff.filesystem/2, and it need not be the
 * one that adds the layer. path and work are names of directories at the root of the file system. Read-only, path is the layer
 * if there is such a directory, and the root otherwise, also when path is NULL. Writable, both are made where they are missing.
 * The host keeps a copy of fd, and locks the range of the file while the container lives: for one writer or many readers;
 * squashfs is not locked. */
typedef struct skiff_layer {
    uint32_t struct_size;
    uint32_t kind;
    uint32_t flags;
    int32_t fd; /* borrowed; -1 without */
    uint64_t offset;
    uint64_t size;
    const char *path;
    const char *work;
    const char *filesystem; /* "ext3", "squashfs": small letters, digits, "-" and "." */
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

/* skiff_device.type */
#define SKIFF_DEVICE_ANY 0
#define SKIFF_DEVICE_CHARACTER 1
#define SKIFF_DEVICE_BLOCK 2

/* skiff_device.permissions, where skiff.host.limits/1 limits the container's devices; 0: all of them. */
#define SKIFF_DEVICE_READ 0x1
#define SKIFF_DEVICE_WRITE 0x2
#define SKIFF_DEVICE_MAKE 0x4

/* A node of the host's /dev. Where the container has the host's whole /dev, it is there already. */
typedef struct skiff_device {
    uint32_t struct_size;
    uint32_t missing;
    const char *path;   /* below /dev of the host */
    const char *inside; /* below /dev of the container; NULL: as path. Another name needs the fact minimal-dev. */
    uint32_t type;      /* with another one than ANY, the node must be of this type and have these numbers, else it counts
                         * as missing */
    uint32_t major;
    uint32_t minor;
    /* All three 0: the host's node. Otherwise the container gets a node of its own with them, a mode of 0 being the host's;
     * bits other than 0666 are refused. SKIFF_E_UNSUPPORTED without root, in a user namespace, or where the fact minimal-dev
     * is not 1, as before mounts. */
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t permissions; /* a part is SKIFF_E_UNSUPPORTED before limit_devices: nothing would hold the container to it */
    uint32_t reserved;
    const char *reason;
} skiff_device;

/* A resource limit of the program; setrlimit(2). SKIFF_LIMIT_INFINITY: none. */
#define SKIFF_LIMIT_INFINITY UINT64_MAX

typedef struct skiff_limit {
    uint32_t struct_size;
    uint32_t reserved;
    const char *resource; /* "RLIMIT_MEMLOCK" and the other names of setrlimit(2) */
    uint64_t soft;
    uint64_t hard;
    const char *reason;
} skiff_limit;

/* A filter of system calls, which can only take away; seccomp(2). It is installed last, so it must let execve(2) pass. */
typedef struct skiff_filter {
    uint32_t struct_size;
    uint32_t count;           /* instructions, 1 to 4096 */
    const void *instructions; /* struct sock_filter[count] */
    const char *reason;
} skiff_filter;

/* skiff_namespace.which */
#define SKIFF_NAMESPACE_PID 1
#define SKIFF_NAMESPACE_IPC 2
#define SKIFF_NAMESPACE_UTS 3
#define SKIFF_NAMESPACE_NETWORK 4
#define SKIFF_NAMESPACE_CGROUP 5
#define SKIFF_NAMESPACE_USER 6 /* nested only */

/* skiff_namespace.mode */
#define SKIFF_NAMESPACE_MODE_NEW 1
/* fd: of that namespace; a network namespace alone. Not with a user namespace, but one that is nested in that to which the owner of
 * the network namespace belongs. */
#define SKIFF_NAMESPACE_MODE_JOIN 2
/* fd: of a user namespace that the caller has made, in which the container's own is made. So whoever holds it has all
 * capabilities over the container's namespaces, and the container none over what belongs to it. It must map the ids of the
 * container to themselves. A user namespace alone; SKIFF_E_DENIED: the container gets none of its own. */
#define SKIFF_NAMESPACE_MODE_NESTED 3

typedef struct skiff_namespace {
    uint32_t struct_size;
    uint32_t which;
    uint32_t mode;
    int32_t fd; /* borrowed; -1 without */
    const char *reason;
} skiff_namespace;

typedef struct skiff_host_plan {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] during prepare and mounts */
    int32_t (*add_mount)(skiff_session *session, const skiff_mount *mount);
    int32_t (*add_layer)(skiff_session *session, const skiff_layer *layer);
    int32_t (*add_device)(skiff_session *session, const skiff_device *device);
    /* [parent] during prepare, mounts and environment. What the user asked for by name (--env and the like) wins. PATH
     * and LD_LIBRARY_PATH are put together after the image's scripts: SET replaces what the image has, and UNSET is
     * SKIFF_E_UNSUPPORTED. Any other variable is one of the host's, which a script of the image may set anew. */
    int32_t (*add_variable)(skiff_session *session, const skiff_variable *variable);
    /* [parent] during prepare */
    int32_t (*want_namespace)(skiff_session *session, const skiff_namespace *wanted);
    /* [parent] during prepare, mounts and environment: a line for --explain. */
    int32_t (*note)(skiff_session *session, const char *text);
    /* [parent] during prepare, mounts and environment: calls each(context, value) with a variable of the container as
     * far as it is decided, before any script of the image. SKIFF_DECLINED: it is not set. */
    int32_t (*variable)(skiff_session *session, const char *name, skiff_text_fn *each, void *context);

    /* What follows is allowed during prepare, mounts and environment. [parent] */

    /* Makes the program a member of a group of the host. SKIFF_E_DENIED: the caller is not a member, and not root. */
    int32_t (*add_group)(skiff_session *session, uint32_t gid, const char *reason);
    /* Of two plugins that limit one resource the lower value counts. SKIFF_E_DENIED: higher than the caller's hard limit,
     * and the caller is not root. */
    int32_t (*add_limit)(skiff_session *session, const skiff_limit *limit);
    /* Takes a capability ("CAP_NET_RAW") from the program, also from root. */
    int32_t (*drop_capability)(skiff_session *session, const char *name, const char *reason);
    int32_t (*add_filter)(skiff_session *session, const skiff_filter *filter);
    /* Sets "net.core.somaxconn" or another one that belongs to a namespace of the container's own: net.* needs
     * SKIFF_NAMESPACE_NETWORK, the limits of System V IPC and POSIX message queues SKIFF_NAMESPACE_IPC. */
    int32_t (*set_sysctl)(skiff_session *session, const char *name, const char *value, const char *reason);
    /* The host name, with a UTS namespace. SKIFF_DECLINED: the user gave one. */
    int32_t (*set_hostname)(skiff_session *session, const char *name, const char *reason);
    /* Puts words in front of the program: an absolute path in the container, then arguments. A later wrapper wraps the
     * earlier one. */
    int32_t (*wrap)(skiff_session *session, const char *const *words, uint64_t count, const char *reason);
} skiff_host_plan;

SKIFF_END

#endif
