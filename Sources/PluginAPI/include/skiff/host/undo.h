/* skiff.host.undo/2: what must be taken back even when everybody was killed, given by the host.
 *
 * A record is data, so that another process can carry it out: the command that ends, or the next command of this user that
 * finds the records of a dead one. Records are carried out in reverse order, each once, before stopped is called. They lie
 * in a file that only the user can read, and hold no secrets. */
#ifndef SKIFF_HOST_UNDO_H
#define SKIFF_HOST_UNDO_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_UNDO "skiff.host.undo/2"

/* skiff_undo.kind. After a reboot only the first two are carried out: the others' objects are gone with the boot. */
#define SKIFF_UNDO_REMOVE_FILE 1      /* object: path */
#define SKIFF_UNDO_REMOVE_DIRECTORY 2 /* object: path; only when empty */
#define SKIFF_UNDO_UNMOUNT 3          /* object: path; lazily */
#define SKIFF_UNDO_DELETE_LINK 4      /* object: network interface; detail: path of its namespace, or NULL */
#define SKIFF_UNDO_RUN 5              /* object: absolute program, with arguments and input; at most ten seconds */

typedef struct skiff_undo {
    uint32_t struct_size;
    uint32_t kind;
    const char *object;
    const char *detail;           /* or NULL */
    const char *const *arguments; /* with the name first; ends with NULL; or NULL */
    const void *input;            /* on its standard input */
    uint64_t input_size;          /* at most 65536 */
    const char *reason;
} skiff_undo;

typedef struct skiff_host_undo {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] during prepare, mounts, environment and started, and in a command of the plugin. The record is written before the call returns: call it
     * before the deed that it takes back. Carrying out a record whose object is absent succeeds. A process of the host
     * stays with the container. */
    int32_t (*push)(skiff_session *session, const skiff_undo *record, uint64_t *handle);
    /* [parent] The plugin has taken it back itself. SKIFF_DECLINED: no such record. */
    int32_t (*drop)(skiff_session *session, uint64_t handle);
} skiff_host_undo;

SKIFF_END

#endif
