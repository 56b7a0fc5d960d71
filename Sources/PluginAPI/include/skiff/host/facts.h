/* skiff.host.facts/1: what is known about the command, by name, given by the host.
 *
 * Numbers
 *   uid, gid          of the caller
 *   inside-uid        the caller's id in the container: 0 as root and with --fakeroot
 *   privileged        1: the command runs with the powers of root, so that nothing of the caller may be trusted
 *   rootless          1: the container is made without the powers of root
 *   contain           1: --contain, --containall
 *   writable          1: --writable, the image itself is opened for writing
 *   explain           1: --explain, nothing of the plan will be carried out, and nothing is to be started for it
 *   user-namespace    1: the container has a user namespace of its own
 *   minimal-dev       1: /dev holds a few nodes only, so that devices must be added; during mounts and environment
 *   writable-layers   how many writable layers there are already; during prepare, mounts and environment
 * Texts
 *   command           exec, run, shell, test, instance start ...: what the user typed
 *   image             the absolute path of the image
 *   architecture      the processor of this machine, as images name it: amd64
 *   user, home        the caller's name, and home directory on the host
 *   cwd               the caller's current directory
 *   app, instance     SKIFF_DECLINED without --app, or when it is no instance
 *   metadata          what the image says about itself, labels among it, as JSON (skiff inspect --json --all);
 *                     SKIFF_DECLINED when its file does not hold that beside the file system
 * A fact that this host does not know, or does not know yet, is SKIFF_DECLINED. */
#ifndef SKIFF_HOST_FACTS_H
#define SKIFF_HOST_FACTS_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_FACTS "skiff.host.facts/1"

typedef struct skiff_host_facts {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent][child] */
    int32_t (*number)(skiff_session *session, const char *name, int64_t *out);
    /* [parent][child] Calls each(context, text) once. */
    int32_t (*text)(skiff_session *session, const char *name, skiff_text_fn *each, void *context);
} skiff_host_facts;

SKIFF_END

#endif
