#include "cbridgenet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One transaction of nf_tables: the kernel takes all of its messages, or none. libnftables would take as long for one as a launch. */

enum { longest_batch = 1 << 20, longest_message = 4096 };

struct bn_batch {
    size_t size;
    uint32_t sequence;
    uint32_t set; /* each new set has a number */
    bool is_full;
    struct nlmsghdr *last;
    char bytes[longest_batch];
};

static struct nlmsghdr *put(bn_batch *batch, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource) {
    /* What does not fit is written over the last one, and the batch is not sent. */
    if (batch->size + longest_message > sizeof batch->bytes) {
        batch->is_full = true;
        batch->size = 0;
    }
    struct nlmsghdr *header = mnl_nlmsg_put_header(batch->bytes + batch->size);
    header->nlmsg_type = type;
    header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    header->nlmsg_seq = ++batch->sequence;
    struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);
    *message = (struct nfgenmsg){.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
    return batch->last = header;
}

static void done(bn_batch *batch) { batch->size += MNL_ALIGN(batch->last->nlmsg_len); }

static struct nlmsghdr *begin(bn_batch *batch, uint16_t type, uint16_t flags) {
    return put(batch, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
}

static void number(struct nlmsghdr *header, uint16_t type, uint32_t value) { mnl_attr_put_u32(header, type, htonl(value)); }

static void value(struct nlmsghdr *header, uint16_t type, const void *bytes, size_t size) {
    struct nlattr *nest = mnl_attr_nest_start(header, type);
    mnl_attr_put(header, NFTA_DATA_VALUE, size, bytes);
    mnl_attr_nest_end(header, nest);
}

bn_batch *bn_batch_begin(void) {
    bn_batch *batch = malloc(sizeof *batch);
    if (!batch) return NULL;
    batch->size = 0;
    batch->sequence = batch->set = 0;
    batch->is_full = false;
    put(batch, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    done(batch);
    return batch;
}

int bn_batch_send(bn_batch *batch, int *socket) {
    int error = 0;
    if (socket) *socket = -1;
    /* Only what is wrong is answered; the end of that is an answer to the last one. */
    batch->last->nlmsg_flags |= NLM_F_ACK;
    put(batch, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    done(batch);
    struct mnl_socket *link = batch->is_full ? NULL : mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (batch->is_full) errno = ENOBUFS;
    int room = longest_batch;
    if (!link || mnl_socket_bind(link, 0, MNL_SOCKET_AUTOPID) < 0
        || (batch->size > 65536 && setsockopt(mnl_socket_get_fd(link), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
        || mnl_socket_sendto(link, batch->bytes, batch->size) < 0)
        error = errno;
    /* The kernel has answered when it comes back. */
    char answer[32768];
    ssize_t count;
    while (!error && (count = recv(mnl_socket_get_fd(link), answer, sizeof answer, MSG_DONTWAIT)) > 0) {
        int rest = (int)count;
        for (struct nlmsghdr *one = (struct nlmsghdr *)answer; !error && mnl_nlmsg_ok(one, rest); one = mnl_nlmsg_next(one, &rest))
            if (one->nlmsg_type == NLMSG_ERROR) error = -((struct nlmsgerr *)mnl_nlmsg_get_payload(one))->error;
    }
    if (link && socket && (*socket = fcntl(mnl_socket_get_fd(link), F_DUPFD_CLOEXEC, 3)) < 0) error = error ? error : errno;
    if (link) mnl_socket_close(link);
    free(batch);
    errno = error;
    return error ? -1 : 0;
}

void bn_batch_element(
    bn_batch *batch, int is_new, const char *set, const uint8_t *key, const uint8_t *end, size_t key_size, const uint8_t *data,
    size_t data_size) {
    struct nlmsghdr *header =
        begin(batch, is_new ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, is_new ? NLM_F_CREATE | NLM_F_EXCL : 0);
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, BN_TABLE);
    mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, set);
    struct nlattr *list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
    struct nlattr *element = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
    value(header, NFTA_SET_ELEM_KEY, key, key_size);
    if (end) value(header, NFTA_SET_ELEM_KEY_END, end, key_size);
    if (data) value(header, NFTA_SET_ELEM_DATA, data, data_size);
    mnl_attr_nest_end(header, element);
    mnl_attr_nest_end(header, list);
    done(batch);
}

int bn_has_table(void) {
    char bytes[128], answer[4096];
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
    header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
    header->nlmsg_flags = NLM_F_REQUEST;
    header->nlmsg_seq = 1;
    struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);
    *message = (struct nfgenmsg){.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
    mnl_attr_put_strz(header, NFTA_TABLE_NAME, BN_TABLE);
    struct mnl_socket *link = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (!link) return 0;
    bool is_there = mnl_socket_bind(link, 0, MNL_SOCKET_AUTOPID) == 0 && mnl_socket_sendto(link, header, header->nlmsg_len) >= 0
                    && mnl_socket_recvfrom(link, answer, sizeof answer) >= (ssize_t)sizeof *header
                    && ((struct nlmsghdr *)answer)->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE);
    mnl_socket_close(link);
    return is_there;
}

/* -- the table */

static void add_table(bn_batch *batch) {
    mnl_attr_put_strz(begin(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL), NFTA_TABLE_NAME, BN_TABLE);
    done(batch);
}

void bn_batch_remove_table(bn_batch *batch) {
    mnl_attr_put_strz(begin(batch, NFT_MSG_DELTABLE, 0), NFTA_TABLE_NAME, BN_TABLE);
    done(batch);
}

/* Types of libnftables, by which nft(8) shows elements. Several are put together with six bits each. */
enum { type_ipv4 = 7, type_ipv6 = 8, type_protocol = 12, type_port = 13 };
enum { transport = type_protocol << 6 | type_port };

typedef struct {
    const char *name;
    uint32_t key_type, key_size, data_type, data_size;
    uint32_t field; /* bytes of each of two parts of an interval; 0: none */
} bn_set;

static const bn_set sets[] = {
    {"any4", transport, 8, type_ipv4 << 6 | type_port, 8, 0},
    {"bound4", type_ipv4 << 12 | transport, 12, type_ipv4 << 6 | type_port, 8, 0},
    {"any6", transport, 8, type_ipv6 << 6 | type_port, 20, 0},
    {"bound6", type_ipv6 << 12 | transport, 24, type_ipv6 << 6 | type_port, 20, 0},
    {"members4", type_ipv4, 4, 0, 0, 0},
    {"members6", type_ipv6, 16, 0, 0, 0},
    {"masquerade4", type_ipv4, 4, 0, 0, 0},
    {"masquerade6", type_ipv6, 16, 0, 0, 0},
    {"local4", type_ipv4 << 6 | type_ipv4, 8, 0, 0, 4},
    {"local6", type_ipv6 << 6 | type_ipv6, 32, 0, 0, 16},
};

static void add_set(bn_batch *batch, const bn_set *set) {
    struct nlmsghdr *header = begin(batch, NFT_MSG_NEWSET, NLM_F_CREATE);
    mnl_attr_put_strz(header, NFTA_SET_TABLE, BN_TABLE);
    mnl_attr_put_strz(header, NFTA_SET_NAME, set->name);
    number(header, NFTA_SET_FLAGS, (set->data_size ? NFT_SET_MAP : 0) | (set->field ? NFT_SET_INTERVAL | NFT_SET_CONCAT : 0));
    number(header, NFTA_SET_KEY_TYPE, set->key_type);
    number(header, NFTA_SET_KEY_LEN, set->key_size);
    if (set->data_size) {
        number(header, NFTA_SET_DATA_TYPE, set->data_type);
        number(header, NFTA_SET_DATA_LEN, set->data_size);
    }
    number(header, NFTA_SET_ID, ++batch->set);
    if (set->field) {
        struct nlattr *description = mnl_attr_nest_start(header, NFTA_SET_DESC);
        struct nlattr *fields = mnl_attr_nest_start(header, NFTA_SET_DESC_CONCAT);
        for (int at = 0; at < 2; at++) {
            struct nlattr *field = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
            number(header, NFTA_SET_FIELD_LEN, set->field);
            mnl_attr_nest_end(header, field);
        }
        mnl_attr_nest_end(header, fields);
        mnl_attr_nest_end(header, description);
    }
    done(batch);
}

/* type: NULL for one that others jump to. */
static void add_chain(bn_batch *batch, const char *name, const char *type, uint32_t hook, int32_t priority) {
    struct nlmsghdr *header = begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    mnl_attr_put_strz(header, NFTA_CHAIN_TABLE, BN_TABLE);
    mnl_attr_put_strz(header, NFTA_CHAIN_NAME, name);
    if (type) {
        struct nlattr *nest = mnl_attr_nest_start(header, NFTA_CHAIN_HOOK);
        number(header, NFTA_HOOK_HOOKNUM, hook);
        number(header, NFTA_HOOK_PRIORITY, (uint32_t)priority);
        mnl_attr_nest_end(header, nest);
        number(header, NFTA_CHAIN_POLICY, NF_ACCEPT);
        mnl_attr_put_strz(header, NFTA_CHAIN_TYPE, type);
    }
    done(batch);
}

/* -- rules: expressions that follow each other, each with registers of four bytes */

typedef struct {
    bn_batch *batch;
    struct nlmsghdr *header;
    struct nlattr *list, *element, *data;
} bn_rule;

static bn_rule rule(bn_batch *batch, const char *chain) {
    bn_rule made = {.batch = batch, .header = begin(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND)};
    mnl_attr_put_strz(made.header, NFTA_RULE_TABLE, BN_TABLE);
    mnl_attr_put_strz(made.header, NFTA_RULE_CHAIN, chain);
    made.list = mnl_attr_nest_start(made.header, NFTA_RULE_EXPRESSIONS);
    return made;
}

static void end_rule(bn_rule *rule) {
    mnl_attr_nest_end(rule->header, rule->list);
    done(rule->batch);
}

static struct nlmsghdr *expression(bn_rule *rule, const char *name) {
    rule->element = mnl_attr_nest_start(rule->header, NFTA_LIST_ELEM);
    mnl_attr_put_strz(rule->header, NFTA_EXPR_NAME, name);
    rule->data = mnl_attr_nest_start(rule->header, NFTA_EXPR_DATA);
    return rule->header;
}

static void end_expression(bn_rule *rule) {
    mnl_attr_nest_end(rule->header, rule->data);
    mnl_attr_nest_end(rule->header, rule->element);
}

static uint32_t word(uint32_t place) { return NFT_REG32_00 + place; }

static void meta(bn_rule *rule, uint32_t key, uint32_t to) {
    struct nlmsghdr *header = expression(rule, "meta");
    number(header, NFTA_META_KEY, key);
    number(header, NFTA_META_DREG, word(to));
    end_expression(rule);
}

static void payload(bn_rule *rule, uint32_t base, uint32_t offset, uint32_t size, uint32_t to) {
    struct nlmsghdr *header = expression(rule, "payload");
    number(header, NFTA_PAYLOAD_DREG, word(to));
    number(header, NFTA_PAYLOAD_BASE, base);
    number(header, NFTA_PAYLOAD_OFFSET, offset);
    number(header, NFTA_PAYLOAD_LEN, size);
    end_expression(rule);
}

static void compare(bn_rule *rule, uint32_t operation, const void *bytes, size_t size) {
    struct nlmsghdr *header = expression(rule, "cmp");
    number(header, NFTA_CMP_SREG, word(0));
    number(header, NFTA_CMP_OP, operation);
    value(header, NFTA_CMP_DATA, bytes, size);
    end_expression(rule);
}

static void mask(bn_rule *rule, const void *bytes, uint32_t size) {
    static const char zeros[16];
    struct nlmsghdr *header = expression(rule, "bitwise");
    number(header, NFTA_BITWISE_SREG, word(0));
    number(header, NFTA_BITWISE_DREG, word(0));
    number(header, NFTA_BITWISE_LEN, size);
    value(header, NFTA_BITWISE_MASK, bytes, size);
    value(header, NFTA_BITWISE_XOR, zeros, size);
    end_expression(rule);
}

/* What is found replaces what was looked for. */
static void lookup(bn_rule *rule, const char *set, bool is_map) {
    struct nlmsghdr *header = expression(rule, "lookup");
    mnl_attr_put_strz(header, NFTA_LOOKUP_SET, set);
    number(header, NFTA_LOOKUP_SREG, word(0));
    if (is_map) number(header, NFTA_LOOKUP_DREG, word(0));
    end_expression(rule);
}

static void verdict(bn_rule *rule, int32_t code, const char *chain) {
    struct nlmsghdr *header = expression(rule, "immediate");
    number(header, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    struct nlattr *data = mnl_attr_nest_start(header, NFTA_IMMEDIATE_DATA);
    struct nlattr *nest = mnl_attr_nest_start(header, NFTA_DATA_VERDICT);
    number(header, NFTA_VERDICT_CODE, (uint32_t)code);
    if (chain) mnl_attr_put_strz(header, NFTA_VERDICT_CHAIN, chain);
    mnl_attr_nest_end(header, nest);
    mnl_attr_nest_end(header, data);
    end_expression(rule);
}

static void masquerade(bn_rule *rule) {
    expression(rule, "masq");
    end_expression(rule);
}

static void of_family(bn_rule *rule, bool is_four) {
    uint8_t protocol = is_four ? NFPROTO_IPV4 : NFPROTO_IPV6;
    meta(rule, NFT_META_NFPROTO, 0);
    compare(rule, NFT_CMP_EQ, &protocol, 1);
}

/* An address of the header. Answers how many registers it takes. */
static uint32_t address(bn_rule *rule, bool is_four, bool is_source, uint32_t to) {
    uint32_t size = is_four ? 4 : 16;
    payload(rule, NFT_PAYLOAD_NETWORK_HEADER, is_four ? (is_source ? 12 : 16) : (is_source ? 8 : 24), size, to);
    return size / 4;
}

static void first_byte_of_address(bn_rule *rule, bool is_four, bool is_source, uint8_t byte) {
    payload(rule, NFT_PAYLOAD_NETWORK_HEADER, is_four ? (is_source ? 12 : 16) : (is_source ? 8 : 24), 1, 0);
    compare(rule, NFT_CMP_EQ, &byte, 1);
}

static void add_port_rule(bn_batch *batch, bool is_four, bool is_bound) {
    bn_rule one = rule(batch, "ports");
    of_family(&one, is_four);
    uint32_t next = is_bound ? address(&one, is_four, false, 0) : 0;
    meta(&one, NFT_META_L4PROTO, next);
    payload(&one, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, next + 1);
    lookup(&one, is_bound ? is_four ? "bound4" : "bound6" : is_four ? "any4" : "any6", true);
    struct nlmsghdr *header = expression(&one, "nat");
    number(header, NFTA_NAT_TYPE, NFT_NAT_DNAT);
    number(header, NFTA_NAT_FAMILY, is_four ? NFPROTO_IPV4 : NFPROTO_IPV6);
    number(header, NFTA_NAT_REG_ADDR_MIN, word(0));
    number(header, NFTA_NAT_REG_PROTO_MIN, word(is_four ? 1 : 4));
    end_expression(&one);
    end_rule(&one);
}

/* Packets for this host alone look for their port. */
static void add_jump(bn_batch *batch, const char *chain) {
    uint32_t local = RTN_LOCAL;
    bn_rule one = rule(batch, chain);
    struct nlmsghdr *header = expression(&one, "fib");
    number(header, NFTA_FIB_DREG, word(0));
    number(header, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    number(header, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
    end_expression(&one);
    compare(&one, NFT_CMP_EQ, &local, sizeof local);
    verdict(&one, NFT_JUMP, "ports");
    end_rule(&one);
}

/* Those who reach a container by a mapped port of this host, from the other containers or from its loopback. */
static void add_return_rule(bn_batch *batch, bool is_four, bool is_from_loopback) {
    uint32_t status = IPS_DST_NAT, zero = 0;
    bn_rule one = rule(batch, "postrouting");
    of_family(&one, is_four);
    struct nlmsghdr *header = expression(&one, "ct");
    number(header, NFTA_CT_KEY, NFT_CT_STATUS);
    number(header, NFTA_CT_DREG, word(0));
    end_expression(&one);
    mask(&one, &status, sizeof status);
    compare(&one, NFT_CMP_NEQ, &zero, sizeof zero);
    if (is_from_loopback) {
        first_byte_of_address(&one, is_four, true, 127);
    } else {
        address(&one, is_four, true, 0);
        lookup(&one, is_four ? "members4" : "members6", false);
    }
    address(&one, is_four, false, 0);
    lookup(&one, is_four ? "members4" : "members6", false);
    masquerade(&one);
    end_rule(&one);
}

static void add_local_rule(bn_batch *batch, bool is_four) {
    bn_rule one = rule(batch, "postrouting");
    of_family(&one, is_four);
    uint32_t next = address(&one, is_four, true, 0);
    address(&one, is_four, false, next);
    lookup(&one, is_four ? "local4" : "local6", false);
    verdict(&one, NFT_RETURN, NULL);
    end_rule(&one);
}

static void add_multicast_rule(bn_batch *batch, bool is_four) {
    static const uint8_t high[] = {0xF0, 0, 0, 0}, first[] = {0xE0, 0, 0, 0};
    bn_rule one = rule(batch, "postrouting");
    of_family(&one, is_four);
    if (is_four) {
        address(&one, true, false, 0);
        mask(&one, high, sizeof high);
        compare(&one, NFT_CMP_EQ, first, sizeof first);
    } else {
        first_byte_of_address(&one, false, false, 0xFF);
    }
    verdict(&one, NFT_RETURN, NULL);
    end_rule(&one);
}

static void add_masquerade_rule(bn_batch *batch, bool is_four) {
    bn_rule one = rule(batch, "postrouting");
    of_family(&one, is_four);
    address(&one, is_four, true, 0);
    lookup(&one, is_four ? "masquerade4" : "masquerade6", false);
    masquerade(&one);
    end_rule(&one);
}

static void of_interface(bn_rule *rule, uint32_t key, uint32_t operation, const char *name) {
    char text[IFNAMSIZ] = {0};
    strncpy(text, name, sizeof text - 1);
    meta(rule, key, 0);
    compare(rule, operation, text, sizeof text);
}

static void add_loopback_rule(bn_batch *batch, bool is_source) {
    bn_rule one = rule(batch, "spoofed");
    of_interface(&one, NFT_META_IIFNAME, NFT_CMP_NEQ, "lo");
    of_family(&one, true);
    first_byte_of_address(&one, true, is_source, 127);
    verdict(&one, NF_DROP, NULL);
    end_rule(&one);
}

/* What containers send has an address to which answers go by the same interface. */
static void add_sender_rule(bn_batch *batch) {
    uint32_t group = BN_GROUP, none = 0;
    bn_rule one = rule(batch, "spoofed");
    meta(&one, NFT_META_IIFGROUP, 0);
    compare(&one, NFT_CMP_EQ, &group, sizeof group);
    struct nlmsghdr *header = expression(&one, "fib");
    number(header, NFTA_FIB_DREG, word(0));
    number(header, NFTA_FIB_RESULT, NFT_FIB_RESULT_OIF);
    number(header, NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF);
    end_expression(&one);
    compare(&one, NFT_CMP_EQ, &none, sizeof none);
    verdict(&one, NF_DROP, NULL);
    end_rule(&one);
}

void bn_batch_table(bn_batch *batch) {
    add_table(batch);
    for (size_t at = 0; at < sizeof sets / sizeof *sets; at++) add_set(batch, &sets[at]);
    add_chain(batch, "ports", NULL, 0, 0);
    add_chain(batch, "prerouting", "nat", NF_INET_PRE_ROUTING, -100);
    add_chain(batch, "output", "nat", NF_INET_LOCAL_OUT, -100);
    add_chain(batch, "postrouting", "nat", NF_INET_POST_ROUTING, 100);
    add_chain(batch, "spoofed", "filter", NF_INET_PRE_ROUTING, -300);
    for (int is_four = 1; is_four >= 0; is_four--) {
        add_port_rule(batch, is_four, true);
        add_port_rule(batch, is_four, false);
    }
    add_jump(batch, "prerouting");
    add_jump(batch, "output");
    add_return_rule(batch, true, true);
    add_return_rule(batch, true, false);
    add_return_rule(batch, false, false);
    for (int is_four = 1; is_four >= 0; is_four--) {
        add_local_rule(batch, is_four);
        add_multicast_rule(batch, is_four);
        add_masquerade_rule(batch, is_four);
    }
    add_loopback_rule(batch, false);
    add_loopback_rule(batch, true);
    add_sender_rule(batch);
}

void bn_batch_uplink_table(bn_batch *batch) {
    add_table(batch);
    add_chain(batch, "postrouting", "nat", NF_INET_POST_ROUTING, 100);
    add_chain(batch, "spoofed", "filter", NF_INET_PRE_ROUTING, -300);
    add_sender_rule(batch);
    bn_rule one = rule(batch, "postrouting");
    of_interface(&one, NFT_META_OIFNAME, NFT_CMP_EQ, BN_UPLINK);
    masquerade(&one);
    end_rule(&one);
}
