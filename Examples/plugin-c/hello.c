/* A plugin in one file of C99: `skiff exec --hello NAME image.sif env` shows HELLO=NAME, and the container sees the host's
 * os-release at /run/host/os-release, where programs look for it. Build it with make; Docs/plugin-guide.md explains. */
#include <string.h>

#include <skiff/cli.h>
#include <skiff/phases.h>
#include <skiff/plan.h>

static const skiff_host *host;
static char name[256];

/* Says why a call is about to fail; what the host refused it has explained itself. */
static int32_t fail(int32_t status, const char *message) {
    host->fail(host, status, 0, message);
    return status;
}

/* The flag's handler: natural arguments, as "i:cs" in the manifest and below says. */
static int32_t on_hello(skiff_session *session, const char *given) {
    (void)session;
    if (strlen(given) >= sizeof name) return fail(SKIFF_E_INVALID, "cannot greet a name longer than 255 bytes");
    memcpy(name, given, strlen(given) + 1);
    return SKIFF_OK;
}

static const skiff_host_plan *plan(void) { return host->get_extension(host, SKIFF_HOST_PLAN); }

static int32_t mounts(const skiff_plugin *self, skiff_session *session) {
    skiff_mount mount;
    (void)self;
    if (!plan()) return fail(SKIFF_E_HOST_TOO_OLD, "cannot add a mount: this skiff has no " SKIFF_HOST_PLAN);
    memset(&mount, 0, sizeof mount);
    mount.struct_size = sizeof mount;
    mount.kind = SKIFF_MOUNT_KIND_BIND;
    mount.group = SKIFF_MOUNT_GROUP_FILES;
    mount.flags = SKIFF_MOUNT_FLAG_READ_ONLY | SKIFF_MOUNT_FLAG_NO_SUID | SKIFF_MOUNT_FLAG_NO_DEV;
    mount.missing = SKIFF_MISSING_WARN;
    mount.source = "/etc/os-release";
    mount.destination = "/run/host/os-release";
    mount.reason = "--hello: what the host is";
    return plan()->add_mount(session, &mount);
}

static int32_t environment(const skiff_plugin *self, skiff_session *session) {
    skiff_variable variable;
    (void)self;
    if (!plan()) return fail(SKIFF_E_HOST_TOO_OLD, "cannot set a variable: this skiff has no " SKIFF_HOST_PLAN);
    memset(&variable, 0, sizeof variable);
    variable.struct_size = sizeof variable;
    variable.operation = SKIFF_VARIABLE_SET;
    variable.name = "HELLO";
    variable.value = name;
    variable.reason = "--hello";
    return plan()->add_variable(session, &variable);
}

static const skiff_phases phases = {
    sizeof(skiff_phases), 0, NULL, NULL, mounts, environment, NULL, NULL, NULL, NULL,
};

static const skiff_handler handlers[] = {{"hello", "i:cs", (skiff_any_fn)on_hello, 0}};
static const skiff_cli cli = {sizeof(skiff_cli), 1, handlers, sizeof *handlers};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return NULL;
}

static const skiff_plugin plugin = {
    sizeof(skiff_plugin), SKIFF_ABI_CURRENT, "org.skiff.hello", "Hello", "0.1.0", "Apache-2.0", NULL, NULL, NULL,
    get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t host_abi, const skiff_host *given, const skiff_plugin **out) {
    if (host_abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
