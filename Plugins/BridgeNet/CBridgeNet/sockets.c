#include "cbridgenet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int bn_memory_file(const void *bytes, size_t count) {
    int file = memfd_create("bridge-net", MFD_CLOEXEC);
    if (file < 0) return -1;
    const char *rest = bytes;
    while (count > 0) {
        ssize_t done = write(file, rest, count);
        if (done < 0) {
            if (errno == EINTR) continue;
            close(file);
            return -1;
        }
        rest += done;
        count -= (size_t)done;
    }
    lseek(file, 0, SEEK_SET);
    return file;
}

int bn_bind(const uint8_t *address, size_t size, uint16_t port, int is_udp) {
    int type = (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
    int file = socket(size == 4 ? AF_INET : AF_INET6, type, 0);
    if (file < 0) return -1;
    int done;
    if (size == 4) {
        struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&place.sin_addr, address, 4);
        done = bind(file, (struct sockaddr *)&place, sizeof place);
    } else {
        int one = 1;
        struct sockaddr_in6 place = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&place.sin6_addr, address, 16);
        setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
        done = bind(file, (struct sockaddr *)&place, sizeof place);
    }
    if (done == 0) return file;
    int error = errno;
    close(file);
    errno = error;
    return -1;
}
