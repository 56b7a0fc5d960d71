#include "cbridgenet.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

int bn_enter_network(int namespace) { return setns(namespace, CLONE_NEWNET); }

/* A request being put together. */
typedef struct {
    char bytes[2048];
    struct nlmsghdr *header;
} bn_request;

static struct ifinfomsg *begin_link(bn_request *request, uint16_t type, uint16_t flags) {
    memset(request, 0, sizeof *request);
    request->header = mnl_nlmsg_put_header(request->bytes);
    request->header->nlmsg_type = type;
    request->header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    return mnl_nlmsg_put_extra_header(request->header, sizeof(struct ifinfomsg));
}

/* Sends a request, and gives each message of the answer to a function. */
static int ask(bn_request *request, mnl_cb_t each, void *context) {
    char answer[32768];
    struct mnl_socket *link = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!link) return -1;
    int result = -1;
    uint32_t sequence = (uint32_t)time(NULL);
    request->header->nlmsg_seq = sequence;
    if (mnl_socket_bind(link, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(link, request->header, request->header->nlmsg_len) >= 0) {
        uint32_t port = mnl_socket_get_portid(link);
        ssize_t count;
        do {
            count = mnl_socket_recvfrom(link, answer, sizeof answer);
            if (count < 0) break;
            result = mnl_cb_run(answer, (size_t)count, sequence, port, each, context);
        } while (result == MNL_CB_OK);
        if (count < 0) result = -1;
    }
    int error = errno;
    mnl_socket_close(link);
    errno = error;
    return result < 0 ? -1 : 0;
}

static int carry_out(bn_request *request) { return ask(request, NULL, NULL); }

static void start(struct ifinfomsg *link) { link->ifi_flags = link->ifi_change = IFF_UP; }

int bn_add_bridge(const char *name, uint32_t mtu) {
    bn_request request;
    start(begin_link(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL));
    mnl_attr_put_strz(request.header, IFLA_IFNAME, name);
    mnl_attr_put_u32(request.header, IFLA_GROUP, BN_GROUP);
    if (mtu) mnl_attr_put_u32(request.header, IFLA_MTU, mtu);
    struct nlattr *info = mnl_attr_nest_start(request.header, IFLA_LINKINFO);
    mnl_attr_put_strz(request.header, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(request.header, info);
    return carry_out(&request);
}

int bn_add_veth(const char *name, const char *peer, int peer_namespace, uint32_t mtu, const uint8_t *mac, uint32_t master) {
    bn_request request;
    start(begin_link(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL));
    mnl_attr_put_strz(request.header, IFLA_IFNAME, name);
    mnl_attr_put_u32(request.header, IFLA_GROUP, BN_GROUP);
    if (master) mnl_attr_put_u32(request.header, IFLA_MASTER, master);
    if (mtu) mnl_attr_put_u32(request.header, IFLA_MTU, mtu);
    struct nlattr *info = mnl_attr_nest_start(request.header, IFLA_LINKINFO);
    mnl_attr_put_strz(request.header, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(request.header, IFLA_INFO_DATA);
    struct nlattr *other = mnl_attr_nest_start(request.header, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(request.header, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(request.header, IFLA_IFNAME, peer);
    mnl_attr_put_u32(request.header, IFLA_NET_NS_FD, (uint32_t)peer_namespace);
    if (mtu) mnl_attr_put_u32(request.header, IFLA_MTU, mtu);
    if (mac) mnl_attr_put(request.header, IFLA_ADDRESS, 6, mac);
    mnl_attr_nest_end(request.header, other);
    mnl_attr_nest_end(request.header, data);
    mnl_attr_nest_end(request.header, info);
    return carry_out(&request);
}

int bn_add_sublink(const char *kind, const char *name, uint32_t parent, uint32_t mode, int namespace, uint32_t mtu) {
    bn_request request;
    begin_link(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    mnl_attr_put_strz(request.header, IFLA_IFNAME, name);
    mnl_attr_put_u32(request.header, IFLA_LINK, parent);
    mnl_attr_put_u32(request.header, IFLA_NET_NS_FD, (uint32_t)namespace);
    if (mtu) mnl_attr_put_u32(request.header, IFLA_MTU, mtu);
    struct nlattr *info = mnl_attr_nest_start(request.header, IFLA_LINKINFO);
    mnl_attr_put_strz(request.header, IFLA_INFO_KIND, kind);
    struct nlattr *data = mnl_attr_nest_start(request.header, IFLA_INFO_DATA);
    if (strcmp(kind, "macvlan") == 0)
        mnl_attr_put_u32(request.header, IFLA_MACVLAN_MODE, mode);
    else
        mnl_attr_put_u16(request.header, IFLA_IPVLAN_MODE, (uint16_t)mode);
    mnl_attr_nest_end(request.header, data);
    mnl_attr_nest_end(request.header, info);
    return carry_out(&request);
}

int bn_set_up(uint32_t index) {
    bn_request request;
    struct ifinfomsg *link = begin_link(&request, RTM_NEWLINK, 0);
    link->ifi_index = (int)index;
    start(link);
    return carry_out(&request);
}

int bn_tune(uint32_t index, uint32_t mtu, uint32_t queue_length, const uint8_t *mac, uint32_t flags, uint32_t changed) {
    bn_request request;
    struct ifinfomsg *link = begin_link(&request, RTM_NEWLINK, 0);
    link->ifi_index = (int)index;
    link->ifi_flags = flags;
    link->ifi_change = changed;
    if (mtu) mnl_attr_put_u32(request.header, IFLA_MTU, mtu);
    if (queue_length) mnl_attr_put_u32(request.header, IFLA_TXQLEN, queue_length);
    if (mac) mnl_attr_put(request.header, IFLA_ADDRESS, 6, mac);
    return carry_out(&request);
}

int bn_set_hairpin(uint32_t index) {
    bn_request request;
    struct ifinfomsg *link = begin_link(&request, RTM_SETLINK, 0);
    link->ifi_family = AF_BRIDGE;
    link->ifi_index = (int)index;
    struct nlattr *port = mnl_attr_nest_start(request.header, IFLA_PROTINFO);
    mnl_attr_put_u8(request.header, IFLA_BRPORT_MODE, 1);
    mnl_attr_nest_end(request.header, port);
    return carry_out(&request);
}

int bn_set_alias(uint32_t index, const char *alias) {
    bn_request request;
    begin_link(&request, RTM_NEWLINK, 0)->ifi_index = (int)index;
    mnl_attr_put_str(request.header, IFLA_IFALIAS, alias);
    return carry_out(&request);
}

int bn_retire_link(uint32_t index, uint32_t group, const char *name) {
    bn_request request;
    struct ifinfomsg *link = begin_link(&request, RTM_NEWLINK, 0);
    link->ifi_index = (int)index;
    link->ifi_change = IFF_UP;
    mnl_attr_put_u32(request.header, IFLA_MASTER, 0);
    mnl_attr_put_u32(request.header, IFLA_GROUP, group);
    if (carry_out(&request) != 0) return -1;
    if (!name) return 0;
    begin_link(&request, RTM_NEWLINK, 0)->ifi_index = (int)index;
    mnl_attr_put_strz(request.header, IFLA_IFNAME, name);
    return carry_out(&request);
}

int bn_delete_group(uint32_t group) {
    bn_request request;
    begin_link(&request, RTM_DELLINK, 0);
    mnl_attr_put_u32(request.header, IFLA_GROUP, group);
    return carry_out(&request);
}

typedef struct {
    char *text;
    size_t size;
} bn_text;

static int take_alias(const struct nlmsghdr *header, void *context) {
    bn_text *out = context;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, header, sizeof(struct ifinfomsg)) {
        if (mnl_attr_get_type(attribute) != IFLA_IFALIAS) continue;
        size_t count = mnl_attr_get_payload_len(attribute);
        if (count >= out->size) count = out->size - 1;
        memcpy(out->text, mnl_attr_get_payload(attribute), count);
        out->text[count] = 0;
    }
    return MNL_CB_OK;
}

int bn_alias(uint32_t index, char *alias, size_t size) {
    bn_request request;
    bn_text out = {alias, size};
    alias[0] = 0;
    begin_link(&request, RTM_GETLINK, 0)->ifi_index = (int)index;
    return ask(&request, take_alias, &out);
}

typedef struct {
    uint32_t master;
    int count;
} bn_ports;

static int count_port(const struct nlmsghdr *header, void *context) {
    bn_ports *ports = context;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, header, sizeof(struct ifinfomsg)) {
        if (mnl_attr_get_type(attribute) == IFLA_MASTER && mnl_attr_get_u32(attribute) == ports->master) ports->count++;
    }
    return MNL_CB_OK;
}

int bn_count_ports(uint32_t master) {
    bn_request request;
    bn_ports ports = {master, 0};
    begin_link(&request, RTM_GETLINK, NLM_F_DUMP)->ifi_family = AF_UNSPEC;
    request.header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    return ask(&request, count_port, &ports) < 0 ? -1 : ports.count;
}

int bn_add_address(uint32_t index, const uint8_t *address, size_t size, uint8_t prefix) {
    bn_request request;
    memset(&request, 0, sizeof request);
    request.header = mnl_nlmsg_put_header(request.bytes);
    request.header->nlmsg_type = RTM_NEWADDR;
    request.header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(request.header, sizeof *message);
    message->ifa_family = size == 4 ? AF_INET : AF_INET6;
    message->ifa_prefixlen = prefix;
    message->ifa_index = index;
    /* Without the search for another owner, which would delay the program by a second. */
    if (size == 16) message->ifa_flags = IFA_F_NODAD;
    mnl_attr_put(request.header, IFA_LOCAL, size, address);
    mnl_attr_put(request.header, IFA_ADDRESS, size, address);
    if (size == 4 && prefix < 31) {
        uint8_t broadcast[4];
        for (int at = 0; at < 4; at++) {
            int bits = prefix - 8 * at;
            broadcast[at] = bits >= 8 ? address[at] : (uint8_t)(address[at] | (0xFF >> (bits > 0 ? bits : 0)));
        }
        mnl_attr_put(request.header, IFA_BROADCAST, 4, broadcast);
    }
    return carry_out(&request) < 0 && errno != EEXIST ? -1 : 0;
}

int bn_add_route(uint32_t index, const uint8_t *destination, size_t size, uint8_t prefix, const uint8_t *gateway) {
    bn_request request;
    memset(&request, 0, sizeof request);
    request.header = mnl_nlmsg_put_header(request.bytes);
    request.header->nlmsg_type = RTM_NEWROUTE;
    request.header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    struct rtmsg *route = mnl_nlmsg_put_extra_header(request.header, sizeof *route);
    route->rtm_family = size == 4 ? AF_INET : AF_INET6;
    route->rtm_dst_len = prefix;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_protocol = RTPROT_STATIC;
    route->rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    route->rtm_type = RTN_UNICAST;
    if (prefix) mnl_attr_put(request.header, RTA_DST, size, destination);
    if (gateway) mnl_attr_put(request.header, RTA_GATEWAY, size, gateway);
    mnl_attr_put_u32(request.header, RTA_OIF, index);
    return carry_out(&request) < 0 && errno != EEXIST ? -1 : 0;
}

static int take_default(const struct nlmsghdr *header, void *context) {
    const struct rtmsg *route = mnl_nlmsg_get_payload(header);
    const struct nlattr *attribute;
    if (route->rtm_dst_len != 0 || route->rtm_table != RT_TABLE_MAIN || *(uint32_t *)context) return MNL_CB_OK;
    mnl_attr_for_each(attribute, header, sizeof *route) {
        if (mnl_attr_get_type(attribute) == RTA_OIF) *(uint32_t *)context = mnl_attr_get_u32(attribute);
    }
    return MNL_CB_OK;
}

uint32_t bn_default_link(void) {
    bn_request request;
    uint32_t found = 0;
    memset(&request, 0, sizeof request);
    request.header = mnl_nlmsg_put_header(request.bytes);
    request.header->nlmsg_type = RTM_GETROUTE;
    request.header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct rtmsg *route = mnl_nlmsg_put_extra_header(request.header, sizeof *route);
    route->rtm_family = AF_INET;
    ask(&request, take_default, &found);
    return found;
}
