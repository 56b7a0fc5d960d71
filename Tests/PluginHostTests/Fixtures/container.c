/* A plugin that takes part in the start of a container; what it does is chosen by --hold. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skiff/all.h>

static const skiff_host *host;
static char wanted[64];
static char log_path[4096];

static int asked(const char *name) { return strcmp(wanted, name) == 0; }

static int32_t on_hold(skiff_session *session, const char *name) {
    (void)session;
    snprintf(wanted, sizeof wanted, "%s", name);
    return SKIFF_OK;
}

static int32_t on_log(skiff_session *session, const char *path) {
    (void)session;
    snprintf(log_path, sizeof log_path, "%s", path);
    return SKIFF_OK;
}

static void tell(const char *what, long number) {
    char line[512];
    int count = snprintf(line, sizeof line, "%s %ld\n", what, number);
    int file = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) return;
    if (write(file, line, (size_t)count) != count) abort();
    close(file);
}

static int32_t want(skiff_session *session, uint32_t which) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    const skiff_namespace wanted = {sizeof wanted, which, SKIFF_NAMESPACE_MODE_NEW, -1, "test"};
    return plan->want_namespace(session, &wanted);
}

static int32_t prepare(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    int32_t status = want(session, SKIFF_NAMESPACE_NETWORK);
    return status < 0 ? status : want(session, SKIFF_NAMESPACE_UTS);
}

/* In the container's namespaces: changes something of the network, and the host name. */
static int32_t change(void *context) {
    int file = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
    (void)context;
    if (file < 0 || write(file, "42", 2) != 2) {
        host->fail(host, SKIFF_E_SYSTEM, errno, "cannot set the first port");
        return SKIFF_E_SYSTEM;
    }
    close(file);
    if (sethostname("from-outside", 12) != 0) {
        host->fail(host, SKIFF_E_SYSTEM, errno, "cannot set the host name\nThis is the hint");
        return SKIFF_E_SYSTEM;
    }
    return SKIFF_OK;
}

static int32_t refuse(void *context) {
    (void)context;
    host->fail(host, SKIFF_E_INVALID, EEXIST, "cannot go inside\nThis is the hint");
    return SKIFF_E_INVALID;
}

static int32_t hang(void *context) {
    (void)context;
    for (;;) pause();
}

static int32_t leave(void *context) {
    (void)context;
    _exit(0);
}

static int32_t crash(void *context) {
    (void)context;
    raise(SIGSEGV);
    return 0;
}

static int32_t created(const skiff_plugin *self, skiff_session *session, const skiff_place *place) {
    const skiff_host_inside *inside = host->get_extension(host, SKIFF_HOST_INSIDE);
    const uint32_t which = SKIFF_INSIDE_USER | SKIFF_INSIDE_NETWORK | SKIFF_INSIDE_UTS;
    (void)self;
    tell("created", place->network_fd >= 0 && place->uts_fd >= 0 && place->pid > 1 && place->pidfd >= 0);
    tell("user", place->user_fd >= 0);
    if (asked("fails")) {
        host->fail(host, SKIFF_E_SYSTEM, 0, "cannot create what is asked");
        return SKIFF_E_SYSTEM;
    }
    if (asked("refuses")) return inside->run(session, place, which, 0, refuse, NULL);
    if (asked("hangs")) return inside->run(session, place, which, 200, hang, NULL);
    if (asked("leaves")) return inside->run(session, place, which, 0, leave, NULL);
    if (asked("crashes")) return inside->run(session, place, which, 0, crash, NULL);
    return inside->run(session, place, which, 0, change, NULL);
}

static int32_t send_text(skiff_session *session, const char *text) {
    const skiff_host_message *message = host->get_extension(host, SKIFF_HOST_MESSAGE);
    return message->send(session, text, strlen(text));
}

static int32_t entered(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    return send_text(session, "from entered");
}

static int32_t pre_exec(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    return send_text(session, "from pre_exec");
}

static int32_t message(const skiff_plugin *self, skiff_session *session, const void *bytes, uint64_t count) {
    char text[128];
    (void)self, (void)session;
    snprintf(text, sizeof text, "message %.*s", (int)count, (const char *)bytes);
    tell(text, (long)count);
    return SKIFF_OK;
}

static int32_t running(const skiff_plugin *self, skiff_session *session, const skiff_place *place) {
    (void)self, (void)session;
    tell("running", kill(place->pid, 0));
    if (asked("ends")) {
        host->fail(host, SKIFF_E_DENIED, 0, "cannot let this run");
        return SKIFF_E_DENIED;
    }
    return SKIFF_OK;
}

static int32_t stopped(const skiff_plugin *self, skiff_session *session, int32_t status) {
    (void)self, (void)session;
    tell("stopped", status);
    return SKIFF_OK;
}

static const skiff_phases phases = {
    .struct_size = sizeof phases, .prepare = prepare, .entered = entered, .pre_exec = pre_exec, .stopped = stopped,
};
static const skiff_container container = {sizeof container, 0, created, message, running};
static const skiff_handler handlers[] = {
    {"hold", "i:cs", (skiff_any_fn)on_hold, 0},
    {"hold-log", "i:cp", (skiff_any_fn)on_log, 0},
};
static const skiff_cli cli = {sizeof cli, 2, handlers, sizeof *handlers};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    if (strcmp(id, SKIFF_EXT_CONTAINER) == 0) return &container;
    return NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = ID, .name = "Container", .version = "1.0",
    .license = "Apache-2.0", .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    if (abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
