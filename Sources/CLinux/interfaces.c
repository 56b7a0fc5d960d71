#include "clinux.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int skl_bring_up(const char *interface)
{
    struct ifreq request = {0};
    if (strlen(interface) >= sizeof request.ifr_name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(request.ifr_name, interface);
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0) return -1;
    int result = ioctl(control, SIOCGIFFLAGS, &request);
    if (result == 0) {
        request.ifr_flags |= IFF_UP;
        result = ioctl(control, SIOCSIFFLAGS, &request);
    }
    int error = errno;
    close(control);
    errno = error;
    return result;
}

/* RTM_DELLINK of rtnetlink(7), by name. */
int skl_delete_interface(const char *interface)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
        struct rtattr attribute;
        char name[IFNAMSIZ];
    } request = {0};
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[256];
    } answer = {0};
    size_t size = strlen(interface) + 1;
    if (size > sizeof request.name) {
        errno = ENODEV;
        return -1;
    }
    memcpy(request.name, interface, size);
    request.attribute = (struct rtattr){.rta_len = RTA_LENGTH(size), .rta_type = IFLA_IFNAME};
    request.header = (struct nlmsghdr){
        .nlmsg_len = NLMSG_LENGTH(sizeof request.link) + RTA_LENGTH(size),
        .nlmsg_type = RTM_DELLINK,
        .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
    };
    int socket_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (socket_fd < 0) return -1;
    int result = -1;
    if (send(socket_fd, &request, request.header.nlmsg_len, 0) >= 0 && recv(socket_fd, &answer, sizeof answer, 0) >= 0) {
        errno = -answer.error.error;
        result = answer.error.error == 0 ? 0 : -1;
    }
    int error = errno;
    close(socket_fd);
    errno = error;
    return result;
}
