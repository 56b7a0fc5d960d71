/* Swift cannot fill in the addresses of unix(7). */
#include "clinux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int local_address(struct sockaddr_un *address, const char *path) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return 0;
}

int skl_bind_local(int socket, const char *path) {
    struct sockaddr_un address;
    if (local_address(&address, path) != 0) return -1;
    return bind(socket, (struct sockaddr *)&address, sizeof address);
}

int skl_connect_local(int socket, const char *path) {
    struct sockaddr_un address;
    if (local_address(&address, path) != 0) return -1;
    return connect(socket, (struct sockaddr *)&address, sizeof address);
}

int skl_peer(int socket, pid_t *pid, uid_t *uid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
    *pid = peer.pid;
    *uid = peer.uid;
    return 0;
}

int skl_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC); }
