/* A plugin that takes part in what the container may use: --limit names what it does. */
#include <stdio.h>
#include <string.h>

#include <skiff/all.h>

static const skiff_host *host;
static char wanted[64];

static int32_t on_limit(skiff_session *session, const char *name) {
    (void)session;
    snprintf(wanted, sizeof wanted, "%s", name);
    return SKIFF_OK;
}

static int asked(const char *name) { return strcmp(wanted, name) == 0; }
static const skiff_host_plan *plan(void) { return host->get_extension(host, SKIFF_HOST_PLAN); }
static const skiff_host_limits *limits(void) { return host->get_extension(host, SKIFF_HOST_LIMITS); }

static int32_t limit(skiff_session *session, uint32_t what, uint64_t value) {
    skiff_cgroup_limit limit = {sizeof limit, what, value, "test"};
    return limits()->limit(session, &limit);
}

static int32_t device(skiff_session *session, const char *path, uint32_t permissions) {
    skiff_device device;
    memset(&device, 0, sizeof device);
    device.struct_size = sizeof device;
    device.path = path;
    device.permissions = permissions;
    device.reason = "test";
    return plan()->add_device(session, &device);
}

static int32_t prepare(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    if (asked("nothing")) return SKIFF_OK;
    if (asked("processes")) return limit(session, SKIFF_CGROUP_PROCESSES, 30);
    if (asked("many")) return limit(session, SKIFF_CGROUP_PROCESSES, 3000);
    if (asked("processors")) return limit(session, SKIFF_CGROUP_PROCESSORS, 500);
    if (asked("high")) return limit(session, SKIFF_CGROUP_MEMORY_HIGH, 64 << 20);
    if (asked("zero")) return limit(session, SKIFF_CGROUP_MEMORY, 0);
    if (asked("unknown")) return limit(session, 99, 1);
    if (asked("part")) return device(session, "/dev/fuse", SKIFF_DEVICE_READ);
    return SKIFF_OK;
}

static int32_t mounts(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    if (!asked("devices")) return SKIFF_OK;
    int32_t status = limits()->limit_devices(session, "test");
    if (status < 0) return status;
    return device(session, "/dev/fuse", SKIFF_DEVICE_READ);
}

static int32_t pre_exec(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    if (!asked("late")) return SKIFF_OK;
    return limit(session, SKIFF_CGROUP_PROCESSES, 30) == SKIFF_E_PHASE ? SKIFF_OK : SKIFF_E_INTERNAL;
}

static const skiff_phases phases = {
    .struct_size = sizeof phases, .prepare = prepare, .mounts = mounts, .pre_exec = pre_exec};

static const skiff_handler handlers[] = {{"limit", "i:cs", (skiff_any_fn)on_limit, 0}};
static const skiff_cli cli = {sizeof cli, 1, handlers, sizeof *handlers};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = "org.test.limits", .name = "Limits",
    .version = "1.0", .license = "Apache-2.0", .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    if (abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
