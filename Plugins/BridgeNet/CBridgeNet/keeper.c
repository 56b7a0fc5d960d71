#include "keeper.h"

#include "cbridgenet.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process of a user that has the network of that user's containers: a user namespace around theirs, and a network
 * namespace. It lives as long as one of those who use it; each has a connection to it, whose end is its end. */

enum { version = 3, most_members = 4096, most_silent = 256, uplink_seconds = 10, silent_seconds = 10 };

static struct {
    bn_keeper given;
    struct stat home; /* the user namespace that it was made from */
    int user, network, lock;
    int next_member;
    pid_t uplink;
    int uplink_start;  /* a byte written there starts it; -1: begun, or there is none */
    int uplink_errors; /* what it says */
    bool is_up, has_failed;
    time_t begun;
} keeper;

/* -- messages */

static void reply(const bn_source *member, int error, int descriptor, const char *why) {
    char bytes[512];
    memcpy(bytes, &error, sizeof error);
    size_t size = sizeof error + (size_t)snprintf(bytes + sizeof error, sizeof bytes - sizeof error, "%s", why);
    bn_send_with(member->file, bytes, size < sizeof bytes ? size : sizeof bytes - 1, descriptor);
}

/* -- the way out */

/* Starts the program in what was outside: a child, so that it ends with this process, however that ends. */
static _Noreturn void become_uplink(pid_t parent, int start, int errors) {
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || read(start, &byte, 1) != 1) _exit(0);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, 0);
    dup2(nothing, 1);
    dup2(errors, 2);
    char user[64], network[64];
    snprintf(user, sizeof user, "/proc/%d/ns/user", (int)parent);
    snprintf(network, sizeof network, "/proc/%d/ns/net", (int)parent);
    const char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    const char *pasta[] = {"pasta", "-f", "-q", "-e", "--config-net", "-I", BN_UPLINK, "--no-map-gw", "-t", "none", "-u", "none",
                           "-T", "none", "-U", "none", "--dns-forward", BN_PASTA_DNS, "--userns", user, "--netns", network, NULL};
    const char *slirp[] = {"slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", "--netns-type=path", "--userns-path", user,
                           network, BN_UPLINK, NULL};
    const char **words = keeper.given.is_pasta ? pasta : slirp;
    execve(keeper.given.uplink, (char *const *)words, (char *const *)environment);
    dprintf(2, "%s cannot be started", keeper.given.uplink);
    _exit(127);
}

static void prepare_uplink(void) {
    int start[2], errors[2];
    keeper.uplink_start = keeper.uplink_errors = -1;
    if (!keeper.given.uplink[0] || pipe2(start, O_CLOEXEC) != 0) return;
    /* Not waited for by whoever writes: what nobody has read by then is lost. */
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) return;
    pid_t parent = getpid();
    keeper.uplink = fork();
    if (keeper.uplink == 0) {
        close(start[1]);
        become_uplink(parent, start[0], errors[1]);
    }
    close(start[0]);
    close(errors[1]);
    keeper.uplink_start = keeper.uplink < 0 ? -1 : start[1];
    keeper.uplink_errors = errors[0];
}

/* Those who wait for the uplink have this as their data. */
static char waits_for_uplink;

static void member_ready(bn_source *self, uint32_t events);

static void tell_of_uplink(int error, const char *why) {
    for (bn_source *one = bn_sources(); one; one = one->next) {
        if (one->is_dead || one->ready != member_ready || one->data != &waits_for_uplink) continue;
        one->data = NULL;
        reply(one, error, -1, why);
    }
}

static void uplink_ended(bn_source *self, uint32_t events) {
    char words[400];
    (void)events;
    ssize_t count = read(keeper.uplink_errors, words, sizeof words - 1);
    words[count > 0 ? count : 0] = 0;
    for (char *at = words; *at; at++)
        if (*at == '\n') *at = at[1] ? ' ' : 0;
    waitpid(keeper.uplink, NULL, 0);
    keeper.uplink = 0;
    keeper.is_up = false;
    keeper.has_failed = true;
    tell_of_uplink(EIO, words);
    bn_end(self);
}

static void start_uplink(void) {
    if (keeper.uplink_start < 0) return;
    int handle = (int)syscall(SYS_pidfd_open, keeper.uplink, 0);
    if (handle >= 0) bn_watch(handle, EPOLLIN, 0, uplink_ended, NULL);
    if (write(keeper.uplink_start, "", 1) != 1) keeper.has_failed = true;
    close(keeper.uplink_start);
    keeper.uplink_start = -1;
    keeper.begun = bn_now();
}

static void want_uplink(bn_source *member) {
    if (keeper.is_up) return reply(member, 0, -1, "");
    if (keeper.has_failed || !keeper.given.uplink[0]) return reply(member, keeper.has_failed ? EIO : ENOENT, -1, "");
    member->data = &waits_for_uplink;
    start_uplink();
}

/* Whether it is still coming up. */
static bool watch_uplink(void) {
    if (keeper.uplink_start >= 0 || keeper.is_up || keeper.has_failed || keeper.begun == 0) return false;
    uint32_t found = bn_default_link();
    if (found > 0 && found == if_nametoindex(BN_UPLINK)) {
        bn_address server = {.size = 4, .port = 53};
        memcpy(server.bytes, keeper.given.is_pasta ? (const uint8_t[]){169, 254, 1, 53} : (const uint8_t[]){10, 0, 2, 3}, 4);
        bn_names_ask(&server);
        /* Answers that are too long for a datagram. */
        int longer = bn_names_listen();
        if (longer >= 0) bn_forward(longer, SOCK_STREAM, &server, 0);
        keeper.is_up = true;
        tell_of_uplink(0, "");
    } else if (bn_now() - keeper.begun > uplink_seconds) {
        keeper.has_failed = true;
        tell_of_uplink(ETIMEDOUT, "");
    }
    return !keeper.is_up && !keeper.has_failed;
}

/* -- those who use the network */

/* A descriptor of the user namespace from which this one was made: no process of a container comes by one, whose number may be the
 * same. */
static bool is_from_home(int file) {
    struct stat found;
    return file >= 0 && ioctl(file, NS_GET_NSTYPE) == CLONE_NEWUSER && fstat(file, &found) == 0 && found.st_ino == keeper.home.st_ino
           && found.st_dev == keeper.home.st_dev;
}

static bool read_address(const char *bytes, size_t size, bn_address *out) {
    memset(out, 0, sizeof *out);
    if (size < 1 || (bytes[0] != 4 && bytes[0] != 16) || size < 1 + (size_t)bytes[0]) return false;
    out->size = (uint8_t)bytes[0];
    memcpy(out->bytes, bytes + 1, out->size);
    return true;
}

/* What a member says: a letter, then
 *   H  the version; with its user namespace. It comes first, and once.
 *   N  nothing; the answer has the network namespace
 *   S  nothing; starts the uplink, and is answered at once
 *   U  nothing; answered when the uplink is up
 *   P  port of the address, two bytes; the address; with a socket that is bound
 *   L  the address, then a name without its zero; with the network namespace of the container
 *   J  a name without its zero; the answer has the network namespace of that container
 * An address is its size, 4 or 16, and its bytes. Every answer is an error number and words. */
static void serve(bn_source *self, const char *bytes, size_t size, int descriptor) {
    bn_address address;
    char name[254];
    int type = 0;
    socklen_t type_size = sizeof type;
    if (self->member == 0) {
        bool is_welcome = size == 2 && bytes[0] == 'H' && bytes[1] == version && is_from_home(descriptor);
        if (is_welcome) self->member = ++keeper.next_member;
        reply(self, is_welcome ? 0 : EPERM, is_welcome ? keeper.user : -1, "");
        if (!is_welcome) bn_end(self);
    } else if (bytes[0] == 'N') {
        reply(self, 0, keeper.network, "");
    } else if (bytes[0] == 'S') {
        start_uplink();
        reply(self, 0, -1, "");
    } else if (bytes[0] == 'U') {
        want_uplink(self);
    } else if (bytes[0] == 'P' && size > 3 && read_address(bytes + 3, size - 3, &address) && descriptor >= 0
               && getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && (type == SOCK_STREAM || type == SOCK_DGRAM)) {
        address.port = (uint16_t)((uint8_t)bytes[1] << 8 | (uint8_t)bytes[2]);
        int kept = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
        reply(self, kept >= 0 && bn_forward(kept, type, &address, self->member) == 0 ? 0 : errno, -1, "");
    } else if (bytes[0] == 'L' && read_address(bytes + 1, size - 1, &address)) {
        size_t start = 2 + (size_t)address.size;
        snprintf(name, sizeof name, "%.*s", (int)(size - start), bytes + start);
        reply(self, bn_names_add(name, &address, self->member, descriptor) == 0 ? 0 : errno, -1, "");
    } else if (bytes[0] == 'J') {
        snprintf(name, sizeof name, "%.*s", (int)(size - 1), bytes + 1);
        int network = bn_names_network(name);
        reply(self, network < 0 ? errno : 0, network, "");
    } else {
        reply(self, EINVAL, -1, "");
    }
}

static void member_ready(bn_source *self, uint32_t events) {
    char bytes[512];
    int descriptor;
    ssize_t count = bn_receive_with(self->file, bytes, sizeof bytes - 1, &descriptor);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count > 0) serve(self, bytes, (size_t)count, descriptor);
    if (descriptor >= 0) close(descriptor);
    if (count > 0 && !(events & EPOLLERR)) return;
    if (self->member > 0) {
        bn_names_forget(self->member);
        bn_end_of_member(self->member);
    } else {
        bn_end(self);
    }
}

/* Ends the one of those who have not said yet who they are that came first, if there are as many as that. */
static bool end_oldest_silent(int most) {
    bn_source *oldest = NULL;
    for (bn_source *one = bn_sources(); one; one = one->next) {
        if (one->is_dead || one->ready != member_ready || one->member != 0) continue;
        most--;
        if (!oldest || one->used <= oldest->used) oldest = one;
    }
    if (!oldest || most > 0) return false;
    bn_end(oldest);
    return true;
}

static void listener_ready(bn_source *self, uint32_t events) {
    (void)events;
    int file = accept4(self->file, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (file < 0) {
        /* Without room this would be asked for again at once. */
        if ((errno == EMFILE || errno == ENFILE) && !end_oldest_silent(1)) bn_forward_make_room();
        return;
    }
    end_oldest_silent(most_silent);
    struct ucred peer;
    socklen_t size = sizeof peer;
    bool is_own = getsockopt(file, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
    if (!is_own || bn_count(member_ready) >= most_members)
        close(file);
    else
        bn_watch(file, EPOLLIN, 0, member_ready, NULL);
}

/* -- life */

/* Whether nobody is left, and nobody can come any more: who connects has the lock until it is a member. */
static bool may_end(const bn_source *listener) {
    if (bn_count(member_ready) > 0 || flock(keeper.lock, LOCK_EX | LOCK_NB) != 0) return false;
    int file = accept4(listener->file, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (file < 0) return true;
    bn_watch(file, EPOLLIN, 0, member_ready, NULL);
    flock(keeper.lock, LOCK_UN);
    return false;
}

/* Who has connected has said by now who it is. */
static void end_silent(void) {
    for (bn_source *one = bn_sources(); one; one = one->next)
        if (one->ready == member_ready && one->member == 0 && bn_now() - one->used > silent_seconds) bn_end(one);
}

static int set_up(int maps) {
    char byte;
    keeper.user = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    keeper.network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (keeper.user < 0 || keeper.network < 0 || read(maps, &byte, 1) != 1) return -1;
    /* Nobody else can have the uplink's addresses: without this those of IPv6 are of no use for the first second. */
    int setting = open("/proc/sys/net/ipv6/conf/default/accept_dad", O_WRONLY | O_CLOEXEC);
    if (setting >= 0) {
        ssize_t done = write(setting, "0", 1);
        (void)done; /* A kernel without IPv6 has none. */
        close(setting);
    }
    return bn_set_up(if_nametoindex("lo")) == 0 && bn_names_start() == 0 ? 0 : -1;
}

static _Noreturn void keep(int ready, int maps) {
    int own[] = {keeper.given.listener, keeper.given.lock, ready, maps};
    setsid();
    if (chdir("/") != 0) _exit(1);
    /* The four at the lowest numbers, in two steps, so that none is in another's way. */
    for (int at = 0; at < 4; at++) own[at] = fcntl(own[at], F_DUPFD_CLOEXEC, 64);
    int nothing = open("/dev/null", O_RDWR);
    for (int file = 0; file < 3; file++) dup2(nothing, file);
    for (int at = 0; at < 4; at++) own[at] = dup3(own[at], 3 + at, O_CLOEXEC);
    close_range(7, ~0u, 0);
    (keeper.given.listener = own[0], keeper.lock = own[1], ready = own[2], maps = own[3]);
    /* Whoever is about to connect may think better of it. */
    fcntl(keeper.given.listener, F_SETFL, fcntl(keeper.given.listener, F_GETFL) | O_NONBLOCK);
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "skiff-network");
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int answer[2] = {getpid(), 0};
    if (stat("/proc/self/ns/user", &keeper.home) != 0) answer[1] = errno;
    if (answer[1] == 0) prepare_uplink();
    if (answer[1] == 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) answer[1] = errno;
    if (write(ready, answer, sizeof answer) != sizeof answer || answer[1]) _exit(1);
    if (set_up(maps) != 0) answer[1] = errno;
    signal(SIGPIPE, SIG_IGN);
    bn_source *listener = answer[1] ? NULL : bn_watch(keeper.given.listener, EPOLLIN, 0, listener_ready, NULL);
    if (write(ready, answer, sizeof answer) != sizeof answer || !listener) _exit(1);
    close(ready);
    close(maps);
    do {
        int patience = watch_uplink() ? 1 : bn_count(member_ready) == 0 ? 20 : 5000;
        bn_turn(patience);
        end_silent();
        bn_names_sweep();
        bn_forward_sweep();
    } while (!may_end(listener));
    unlink(keeper.given.address);
    if (keeper.uplink > 0 && kill(keeper.uplink, SIGKILL) == 0) waitpid(keeper.uplink, NULL, 0);
    _exit(0);
}

pid_t bn_start_keeper(const bn_keeper *given, int *to_keeper, int *from_keeper) {
    int maps[2], ready[2], answer[2] = {-1, EPIPE};
    if (pipe2(maps, O_CLOEXEC) != 0) return -1;
    if (pipe2(ready, O_CLOEXEC) != 0) {
        close(maps[0]);
        close(maps[1]);
        return -1;
    }
    keeper.given = *given;
    pid_t between = fork();
    if (between == 0) {
        if (fork() == 0) {
            close(maps[1]);
            keep(ready[1], maps[0]);
        }
        _exit(0);
    }
    close(maps[0]);
    close(ready[1]);
    if (between > 0) waitpid(between, NULL, 0);
    if (between < 0 || read(ready[0], answer, sizeof answer) != sizeof answer || answer[1]) {
        close(maps[1]);
        close(ready[0]);
        errno = between < 0 ? EAGAIN : answer[1];
        return -1;
    }
    *to_keeper = maps[1];
    *from_keeper = ready[0];
    return answer[0];
}

int bn_keeper_is_ready(int to_keeper, int from_keeper) {
    int answer[2] = {-1, EPIPE};
    bool is_told = write(to_keeper, "", 1) == 1 && read(from_keeper, answer, sizeof answer) == sizeof answer;
    close(to_keeper);
    close(from_keeper);
    errno = is_told ? answer[1] : EPIPE;
    return is_told && answer[1] == 0 ? 0 : -1;
}
