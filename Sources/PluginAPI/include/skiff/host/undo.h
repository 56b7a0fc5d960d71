/* skiff.host.undo/1: what must be taken back even when everybody was killed, given by the host.
 *
 * A record is data, so that another process can carry it out: the monitor, or the next command that finds the record of
 * a dead one. Records are carried out in reverse order, each once, before stopped is called. */
#ifndef SKIFF_HOST_UNDO_H
#define SKIFF_HOST_UNDO_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_UNDO "skiff.host.undo/1"

#define SKIFF_UNDO_REMOVE_FILE 1      /* object: path */
#define SKIFF_UNDO_REMOVE_DIRECTORY 2 /* object: path; only when empty */
#define SKIFF_UNDO_UNMOUNT 3          /* object: path; lazily */
#define SKIFF_UNDO_DELETE_LINK 4      /* object: network interface; detail: path of its namespace, or NULL */
#define SKIFF_UNDO_RUN 5              /* object: absolute program; detail: its one argument */

typedef struct skiff_undo {
    uint32_t struct_size;
    uint32_t kind;
    const char *object;
    const char *detail; /* or NULL */
    const char *reason;
} skiff_undo;

typedef struct skiff_host_undo {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Written before the deed that it takes back; carrying out a record whose object is absent succeeds. */
    int32_t (*push)(skiff_session *session, const skiff_undo *record, uint64_t *handle);
    /* [parent] The plugin has taken it back itself. */
    int32_t (*drop)(skiff_session *session, uint64_t handle);
} skiff_host_undo;

SKIFF_END

#endif
