#include "cbridgenet.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Deleting interfaces takes the kernel tens of milliseconds, in which it waits for the end of all that may use them. Nothing of that
 * concerns a command that has ended, so a process of its own asks for it. */

static _Noreturn void delete(uint32_t group, int file, int socket, const char *path) {
    setsid();
    if (chdir("/") != 0) _exit(1);
    /* Whoever reads what the command writes waits for its end. */
    int nothing = open("/dev/null", O_RDWR);
    int kept[] = {fcntl(file, F_DUPFD_CLOEXEC, 8), socket < 0 ? -1 : fcntl(socket, F_DUPFD_CLOEXEC, 8)};
    for (int at = 0; at < 3; at++) dup2(nothing, at);
    close_range(3, 7, 0);
    for (int at = 0; at < 2; at++)
        if (kept[at] >= 0) dup2(kept[at], 3 + at);
    close_range(5, ~0u, 0);
    prctl(PR_SET_PDEATHSIG, 0);
    prctl(PR_SET_NAME, "skiff-network");
    bn_delete_group(group);
    _exit(unlink(path) == 0 ? 0 : 1);
}

int bn_delete_group_aside(uint32_t group, int file, int socket, const char *path) {
    pid_t between = fork();
    if (between < 0) return -1;
    if (between == 0) {
        pid_t last = fork();
        if (last == 0) delete(group, file, socket, path);
        _exit(last < 0 ? 1 : 0);
    }
    int status = 0;
    while (waitpid(between, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}
