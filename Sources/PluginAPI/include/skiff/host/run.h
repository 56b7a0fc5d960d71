/* skiff.host.run/1: helper processes, given by the host. No shell; a fixed path; descriptors named one by one. */
#ifndef SKIFF_HOST_RUN_H
#define SKIFF_HOST_RUN_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_RUN "skiff.host.run/1"

typedef struct skiff_run_fd {
    int32_t inside; /* number in the helper */
    int32_t fd;     /* the plugin's, borrowed */
} skiff_run_fd;

typedef struct skiff_command {
    uint32_t struct_size;
    uint32_t fd_count;
    const char *path;              /* absolute */
    const char *const *arguments;  /* with the name first; ends with NULL */
    const char *const *environment; /* ends with NULL; NULL: PATH and nothing else */
    const skiff_run_fd *fds;       /* 0, 1 and 2 are /dev/null unless named here */
    int32_t timeout_milliseconds;  /* of run; 0: none */
    uint32_t reserved;
} skiff_command;

typedef struct skiff_host_run {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent][child] Runs to the end; *status as a shell counts it. After the timeout the helper is killed and the
     * answer is SKIFF_E_SYSTEM. */
    int32_t (*run)(skiff_session *session, const skiff_command *command, int32_t *status);
    /* [parent] Starts a helper that lives as long as the container: in its own session, killed by the host before
     * stopped is called, also when the command fails on the way. */
    int32_t (*start)(skiff_session *session, const skiff_command *command, int32_t *pid);
} skiff_host_run;

SKIFF_END

#endif
