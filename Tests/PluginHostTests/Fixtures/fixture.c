/* A plugin for the tests of the host; what it does wrong is chosen with -D when it is built. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skiff/all.h>

#ifndef ID
#define ID "org.test.one"
#endif
#ifndef VERSION
#define VERSION "1.0"
#endif
#ifndef ENTRY
#define ENTRY skiff_plugin_entry
#endif
#ifndef SIGNATURE
#define SIGNATURE "i:cp"
#endif
#ifndef PLUGIN_SIZE
#define PLUGIN_SIZE sizeof(skiff_plugin)
#endif
#ifndef PHASES_SIZE
#define PHASES_SIZE sizeof(skiff_phases)
#endif
#ifndef FAILS
#define FAILS "none"
#endif

static const skiff_host *host;
static char record_path[4096];

static void record(const char *what) {
    char line[256];
    int count = snprintf(line, sizeof line, ID " %s\n", what);
    int file = record_path[0] ? open(record_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0) return;
    ssize_t written = write(file, line, (size_t)count);
    (void)written;
    close(file);
}

static int32_t phase(const char *name) {
    record(name);
    if (strcmp(FAILS, "crash") == 0) __builtin_trap();
    if (strcmp(FAILS, name) != 0) return SKIFF_OK;
    host->fail(host, SKIFF_E_SYSTEM, ENOENT, "cannot find\nthe thing");
    return SKIFF_E_SYSTEM;
}

static int32_t on_record(skiff_session *session, const char *path) {
    (void)session;
    snprintf(record_path, sizeof record_path, "%s", path);
    record("--record");
    return SKIFF_OK;
}

static int32_t on_words(void *data, const char *const *words, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) record(words[i]);
    return data == (void *)record_path ? SKIFF_OK : SKIFF_E_INTERNAL;
}

static int32_t on_number(skiff_session *session, int64_t number) {
    (void)session;
    char text[64];
    snprintf(text, sizeof text, "number %lld", (long long)number);
    record(text);
    return SKIFF_OK;
}

static int32_t on_switch(skiff_session *session, int32_t on) {
    (void)session;
    record(on ? "on" : "off");
    return SKIFF_OK;
}

static int32_t configure(const skiff_plugin *self, skiff_session *session) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    (void)self;
    /* The plan is not open yet. */
    if (!plan || plan->note(session, "too early") != SKIFF_E_PHASE) return SKIFF_E_INTERNAL;
    if (host->get_extension(host, "skiff.host.plan/3x") || host->get_extension(host, "skiff.host.plan/2"))
        return SKIFF_E_INTERNAL;
    return phase("configure");
}

static int32_t want(skiff_session *session, uint32_t which) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    const skiff_namespace wanted = {sizeof wanted, which, SKIFF_NAMESPACE_MODE_NEW, -1, "test"};
    return plan->want_namespace(session, &wanted);
}

static int32_t prepare(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    if (want(session, SKIFF_NAMESPACE_NETWORK) != SKIFF_OK) return SKIFF_E_INTERNAL;
    if (want(session, 99) != SKIFF_E_NOT_UNDERSTOOD) return SKIFF_E_INTERNAL;
    return phase("prepare");
}

static int32_t refused(skiff_session *session, const skiff_host_plan *plan) {
    struct {
        skiff_mount known;
        uint64_t newer;
    } large;
    memset(&large, 0, sizeof large);
    large.known.struct_size = sizeof large;
    large.known.kind = SKIFF_MOUNT_KIND_BIND;
    large.known.group = SKIFF_MOUNT_GROUP_FILES;
    large.known.source = "/etc";
    large.known.destination = "/large";
    if (plan->add_mount(session, &large.known) != SKIFF_OK) return 1;
    large.newer = 1;
    if (plan->add_mount(session, &large.known) != SKIFF_E_NOT_UNDERSTOOD) return 2;
    large.newer = 0;
    large.known.destination = "/a/../b";
    if (plan->add_mount(session, &large.known) != SKIFF_E_INVALID) return 3;
    large.known.destination = "relative";
    if (plan->add_mount(session, &large.known) != SKIFF_E_INVALID) return 4;
    large.known.destination = "/x";
    large.known.group = 77;
    if (plan->add_mount(session, &large.known) != SKIFF_E_NOT_UNDERSTOOD) return 5;
    if (plan->add_mount(session, NULL) != SKIFF_E_INVALID) return 6;
    skiff_device device;
    memset(&device, 0, sizeof device);
    device.struct_size = sizeof device;
    device.path = "/etc/passwd";
    if (plan->add_device(session, &device) != SKIFF_E_INVALID) return 7;
    skiff_layer layer;
    memset(&layer, 0, sizeof layer);
    layer.struct_size = sizeof layer;
    layer.kind = SKIFF_LAYER_KIND_SERVED;
    if (plan->add_layer(session, &layer) != SKIFF_E_INVALID) return 8;
    const skiff_host_facts *facts = host->get_extension(host, SKIFF_HOST_FACTS);
    int64_t fact = -1;
    if (!facts || facts->number(session, "no-such-fact", &fact) != SKIFF_DECLINED || fact != -1) return 9;
    if (facts->number(session, "minimal-dev", &fact) != SKIFF_OK || fact != 1) return 10;
    return 0;
}

static int32_t mounts(const skiff_plugin *self, skiff_session *session) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    (void)self;
    int32_t wrong = refused(session, plan);
    if (wrong) {
        host->fail(host, SKIFF_E_INTERNAL, 0, "a bad request was taken");
        return SKIFF_E_INTERNAL;
    }
    /* Shorter than the host's struct: zero-extended. */
    skiff_mount mount;
    memset(&mount, 0xff, sizeof mount);
    mount.struct_size = offsetof(skiff_mount, options);
    mount.kind = SKIFF_MOUNT_KIND_BIND;
    mount.group = SKIFF_MOUNT_GROUP_FILES;
    mount.flags = SKIFF_MOUNT_FLAG_READ_ONLY;
    mount.missing = SKIFF_MISSING_WARN;
    mount.source = "/etc/hostname";
    mount.destination = "/greeting";
    if (plan->add_mount(session, &mount) != SKIFF_OK) return SKIFF_E_INTERNAL;
    return phase("mounts");
}

static int32_t environment(const skiff_plugin *self, skiff_session *session) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    skiff_variable variable = {sizeof variable, SKIFF_VARIABLE_SET, "GREETING", ID, "test"};
    (void)self;
    if (plan->add_variable(session, &variable) != SKIFF_OK) return SKIFF_E_INTERNAL;
    variable.name = "A=B";
    if (plan->add_variable(session, &variable) != SKIFF_E_INVALID) return SKIFF_E_INTERNAL;
    return phase("environment");
}

static int32_t entered(const skiff_plugin *self, skiff_session *session) { (void)self, (void)session; return phase("entered"); }
static int32_t pre_exec(const skiff_plugin *self, skiff_session *session) { (void)self, (void)session; return phase("pre_exec"); }
static int32_t started(const skiff_plugin *self, skiff_session *session, int32_t pid, int32_t pidfd) {
    (void)self, (void)session, (void)pid, (void)pidfd;
    return phase("started");
}
static int32_t stopped(const skiff_plugin *self, skiff_session *session, int32_t status) {
    (void)self, (void)session;
    char text[64];
    snprintf(text, sizeof text, "stopped %d", status);
    record(text);
    return SKIFF_OK;
}

static const skiff_phases phases = {PHASES_SIZE, 0, configure, prepare, mounts, environment, entered, pre_exec, started, stopped};
static const skiff_handler handlers[] = {
    {"record", SIGNATURE, (skiff_any_fn)on_record, 0},
    {"words", "i:xS", (skiff_any_fn)on_words, 0},
    {"number", "i:cl", (skiff_any_fn)on_number, 0},
    {"switch", "i:cb", (skiff_any_fn)on_switch, 0},
};
static const skiff_cli cli = {sizeof cli, sizeof handlers / sizeof *handlers, handlers, sizeof *handlers};

#ifdef LEAK
int leaked_symbol;
#endif

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
#ifdef ANSWERS_EVERYTHING
    if (strncmp(id, "skiff.phases", 12) != 0 && strncmp(id, "skiff.cli", 9) != 0) return &cli;
#endif
#ifdef ANSWERS_PREFIX
    if (strncmp(id, SKIFF_EXT_CLI, strlen(SKIFF_EXT_CLI)) == 0) return &cli;
#endif
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return NULL;
}

static const skiff_plugin plugin = {(uint32_t)(PLUGIN_SIZE), SKIFF_ABI_CURRENT, ID, "Test", VERSION, "Apache-2.0",
                                    record_path, NULL, NULL, get_extension};

SKIFF_EXPORT int32_t ENTRY(uint32_t host_abi, const skiff_host *given, const skiff_plugin **out) {
    if (host_abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
#ifdef USES_HOST_AT_ONCE
    host->log(host, SKIFF_LOG_DEBUG, "not yet allowed");
#endif
#ifdef REFUSES_LONG_HOST
    if (given->struct_size != sizeof(skiff_host)) return SKIFF_E_HOST_TOO_OLD;
#endif
#ifdef SLOW
    usleep(20000);
#endif
    *out = &plugin;
    return SKIFF_OK;
}
