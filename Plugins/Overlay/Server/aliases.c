/* A kernel fact about hard links: overlayfs keeps, for all names of a file, the one through which it was first found, and asks FUSE
 * whether that name is still there whenever any of them is used. When it was removed, the others are stale (ESTALE) as long as
 * overlayfs remembers them: `ln a b; rm a; cat b`. So it is made to forget: reconfiguring a mount without changing anything drops
 * the names that nobody is using. Who may do that is in the container's namespaces, so a helper goes there. It leaves soon, since
 * the container's mounts live as long as anybody is in them. */
#include "server.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Milliseconds: how long the helper waits for more, and how long a program waits for the helper. It can be kept from its work by
 * who waits for this server (sync(2)), so nobody waits longer. */
enum { IDLE = 50, PATIENCE = 5000 };

static int container = -1, line = -1;
static pid_t helper;
/* Whether it was given up, and ends when it can. */
static bool isLate;

void know_container(pid_t pid) { container = (int)syscall(SYS_pidfd_open, pid, 0); }

/* Nothing here may ask the file system anything: it would ask the server, which waits. */
static void shake(void) {
    int picked = (int)syscall(SYS_fspick, AT_FDCWD, "/", FSPICK_NO_AUTOMOUNT | FSPICK_CLOEXEC);
    if (picked < 0) return;
    syscall(SYS_fsconfig, picked, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
    close(picked);
}

static void protect(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static void help(int own) {
    char word;
    struct pollfd waiting = {.fd = own, .events = POLLIN};
    /* Nobody in the container may look into it, and neither the image nor the connection to the kernel goes along. Once before it
     * has powers there that a container's root has, too, and once more since a change of powers may take both back. */
    protect();
    if (setns(container, CLONE_NEWUSER | CLONE_NEWNS) != 0 && setns(container, CLONE_NEWNS) != 0) _exit(1);
    protect();
    if (dup2(own, 3) < 0) _exit(1);
    waiting.fd = 3;
    syscall(SYS_close_range, 4, ~0U, 0);
    while (poll(&waiting, 1, IDLE) == 1 && read(3, &word, 1) == 1) {
        shake();
        if (write(3, &word, 1) != 1) break;
    }
    _exit(0);
}

static void start(void) {
    int pair[2];
    if (helper > 0 && waitpid(helper, NULL, isLate ? WNOHANG : 0) == 0) return;
    helper = 0;
    isLate = false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return;
    helper = fork();
    if (helper == 0) help(pair[1]);
    close(pair[1]);
    if (helper < 0) close(pair[0]);
    else line = pair[0];
}

static void hang_up(void) {
    if (line >= 0) close(line);
    line = -1;
}

static bool ask(void) {
    char word = 0;
    struct pollfd waiting = {.fd = line, .events = POLLIN};
    if (line < 0 || send(line, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) return false;
    if (poll(&waiting, 1, PATIENCE) == 1) return read(line, &word, 1) == 1;
    /* Its answer must not be taken for that to another question. */
    hang_up();
    isLate = true;
    return true;
}

void forget_aliases(void) {
    if (container < 0 || ask()) return;
    hang_up();
    start();
    if (!ask()) hang_up();
}
