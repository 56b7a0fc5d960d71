/* skiff.host.run/2: helper processes, given by the host. No shell, a fixed path, descriptors named one by one. */
#ifndef SKIFF_HOST_RUN_H
#define SKIFF_HOST_RUN_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_RUN "skiff.host.run/2"

typedef struct skiff_run_fd {
    int32_t inside; /* number in the helper */
    int32_t fd;     /* the plugin's, borrowed */
} skiff_run_fd;

typedef struct skiff_command {
    uint32_t struct_size;
    uint32_t fd_count;
    const char *path;               /* absolute */
    const char *const *arguments;   /* with the name first; ends with NULL */
    const char *const *environment; /* ends with NULL; NULL: PATH and nothing else */
    const skiff_run_fd *fds;        /* 0, 1 and 2 are /dev/null unless named here */
    uint64_t fd_size;               /* sizeof(skiff_run_fd) */
    /* run: how long it may take, 0 without limit. start: how long ready_fd may take, 0 as 10 seconds. */
    int32_t timeout_milliseconds;
    int32_t grace_milliseconds; /* between SIGTERM and SIGKILL, 0: SIGKILL at once */
    int32_t ready_fd;           /* start: the number in the helper under which it closes, or writes to, a descriptor when it
                                 * is ready; 0: it is not waited for */
    uint32_t namespace_count;
    const int32_t *namespaces; /* descriptors of namespaces that it enters in this order; a user namespace comes
                                * first, in which it has all capabilities */
    uint64_t file_size_limit;  /* no byte of a file is written beyond it (RLIMIT_FSIZE), 0: no limit. So a program that works
                                * on a part of a file cannot harm what follows */
} skiff_command;

typedef struct skiff_host_run {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent][child] Runs in a session of its own, to the end; *status as a shell counts it. SKIFF_E_TIMEOUT: it was ended. SKIFF_E_CANCELLED: it
     * was ended because the user stops the command. */
    int32_t (*run)(skiff_session *session, const skiff_command *command, int32_t *status);
    /* [parent] during prepare, mounts, environment and started: starts a helper that lives as long as the container, in a
     * session of its own. The host ends it, with what it has started in its session, before stopped is called, also when
     * the command fails on the way; when the host is killed, the kernel ends the helper. A process of the host then stays
     * with the container. SKIFF_E_SYSTEM: it ended before it was ready. */
    int32_t (*start)(skiff_session *session, const skiff_command *command, int32_t *pid);
    /* [parent] Ends a started helper now, and waits for it; *status as a shell counts it. SKIFF_DECLINED: no such
     * helper. */
    int32_t (*end)(skiff_session *session, int32_t pid, int32_t *status);
    /* [parent] Calls each(context, path) with the absolute path of a program of the host, along "binary path" of skiff.conf.
     * The caller's PATH in it counts only where the command has no more powers than its caller. SKIFF_DECLINED: there is
     * none. */
    int32_t (*find_program)(skiff_session *session, const char *name, skiff_text_fn *each, void *context);
} skiff_host_run;

SKIFF_END

#endif
