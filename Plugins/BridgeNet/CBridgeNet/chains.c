#include "cbridgenet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Chains of others through which forwarded packets go. */

typedef struct {
    bn_chain *out;
    size_t limit, count;
} bn_chains;

static int take_chain(const struct nlmsghdr *header, void *context) {
    bn_chains *chains = context;
    const struct nfgenmsg *message = mnl_nlmsg_get_payload(header);
    bn_chain found = {.family = message->nfgen_family};
    uint32_t hook = ~0u, policy = NF_ACCEPT;
    const struct nlattr *attribute, *inner;
    mnl_attr_for_each(attribute, header, sizeof *message) {
        switch (mnl_attr_get_type(attribute)) {
        case NFTA_CHAIN_TABLE: snprintf(found.table, sizeof found.table, "%s", mnl_attr_get_str(attribute)); break;
        case NFTA_CHAIN_NAME: snprintf(found.name, sizeof found.name, "%s", mnl_attr_get_str(attribute)); break;
        case NFTA_CHAIN_POLICY: policy = ntohl(mnl_attr_get_u32(attribute)); break;
        case NFTA_CHAIN_HOOK:
            mnl_attr_for_each_nested(inner, attribute) if (mnl_attr_get_type(inner) == NFTA_HOOK_HOOKNUM) hook =
                ntohl(mnl_attr_get_u32(inner));
            break;
        default: break;
        }
    }
    found.drops = policy == NF_DROP;
    bool is_ours = found.family == NFPROTO_NETDEV || found.family == NFPROTO_ARP || found.family == NFPROTO_BRIDGE
                   || (found.family == NFPROTO_INET && strcmp(found.table, BN_TABLE) == 0);
    if (hook == NF_INET_FORWARD && !is_ours && chains->count < chains->limit) chains->out[chains->count++] = found;
    return MNL_CB_OK;
}

size_t bn_forward_chains(bn_chain *out, size_t limit) {
    char bytes[1024], answer[32768];
    bn_chains chains = {out, limit, 0};
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
    header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = 1;
    struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof *message);
    *message = (struct nfgenmsg){.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
    struct mnl_socket *link = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (!link) return 0;
    if (mnl_socket_bind(link, 0, MNL_SOCKET_AUTOPID) == 0 && mnl_socket_sendto(link, header, header->nlmsg_len) >= 0) {
        int result = MNL_CB_OK;
        while (result == MNL_CB_OK) {
            ssize_t count = mnl_socket_recvfrom(link, answer, sizeof answer);
            if (count <= 0) break;
            result = mnl_cb_run(answer, (size_t)count, 1, mnl_socket_get_portid(link), take_chain, &chains);
        }
    }
    mnl_socket_close(link);
    return chains.count;
}

int bn_restore_rules(const char *program, const char *rules) {
    int input = bn_memory_file(rules, strlen(rules));
    if (input < 0) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        const char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
        const char *words[] = {program, "-w", "5", "--noflush", NULL};
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(input, 0);
        dup2(nothing, 1);
        dup2(nothing, 2);
        execve(program, (char *const *)words, (char *const *)environment);
        _exit(127);
    }
    close(input);
    int status = 0;
    if (pid < 0) return -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
