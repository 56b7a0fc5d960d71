/* skiff.host.limits/1: how a plugin takes part in what the container may use, given by the host.
 *
 * Limits are entries of the plan: the core makes the cgroup, sets and reads them back before the program starts, and
 * removes it. A plugin can only take away: of the user's limit and those of plugins the lowest one counts. A limit
 * that this host cannot have ends the command with the reason, and so does each where no cgroup can be made. */
#ifndef SKIFF_HOST_LIMITS_H
#define SKIFF_HOST_LIMITS_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_LIMITS "skiff.host.limits/1"

/* skiff_cgroup_limit.what */
#define SKIFF_CGROUP_MEMORY 1      /* bytes; a program that needs more is killed */
#define SKIFF_CGROUP_MEMORY_HIGH 2 /* bytes from which on the kernel slows it down; cgroups of version 2 */
#define SKIFF_CGROUP_PROCESSES 3   /* processes and threads */
#define SKIFF_CGROUP_PROCESSORS 4  /* thousandths of a processor: 1500 is one and a half */

typedef struct skiff_cgroup_limit {
    uint32_t struct_size;
    uint32_t what;
    uint64_t value; /* not 0 */
    const char *reason;
} skiff_cgroup_limit;

/* What follows is allowed during prepare, mounts and environment. [parent] */
typedef struct skiff_host_limits {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t (*limit)(skiff_session *session, const skiff_cgroup_limit *limit);
    /* From now on the program can use the nodes that every container has (null, zero, full, random, urandom, terminals)
     * and those of add_device, with the permissions named there, as far as the user's own rules let them in; no others,
     * also where the container has the host's whole /dev. SKIFF_E_DENIED: the caller is not root. */
    int32_t (*limit_devices)(skiff_session *session, const char *reason);
} skiff_host_limits;

SKIFF_END

#endif
