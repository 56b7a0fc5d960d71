/* A plugin that knows devices by name: "KIND/class=NAME" for its own KIND, each described by a file NAME.device in the
 * directories of --cdi-dirs, or by nothing for the names that are built in. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skiff/ext/devices.h>
#include <skiff/phases.h>

#ifndef KIND
#define KIND "test.org/thing"
#endif

static const skiff_host *host;

static const skiff_host_plan *plan(void) { return host->get_extension(host, SKIFF_HOST_PLAN); }

static int32_t fail(const char *message) {
    host->fail(host, SKIFF_E_INVALID, 0, message);
    return SKIFF_E_INVALID;
}

static int32_t variable(skiff_session *session, const char *name, const char *value) {
    skiff_variable entry;
    memset(&entry, 0, sizeof entry);
    entry.struct_size = sizeof entry;
    entry.operation = SKIFF_VARIABLE_SET;
    entry.name = name;
    entry.value = value;
    entry.reason = "device " KIND;
    return plan()->add_variable(session, &entry);
}

/* A node with an owner and a mode of its own. */
static int32_t owned(skiff_session *session, uint32_t mode) {
    skiff_device device;
    memset(&device, 0, sizeof device);
    device.struct_size = sizeof device;
    device.path = "/dev/null";
    device.inside = "/dev/owned";
    device.mode = mode;
    device.uid = 12;
    device.gid = 34;
    device.reason = "device " KIND;
    return plan()->add_device(session, &device);
}

/* A node, a link to it, the caller's own group and a variable: all that a description has but hooks. */
static int32_t whole(skiff_session *session) {
    skiff_device device;
    skiff_mount link;
    int32_t status;
    memset(&device, 0, sizeof device);
    device.struct_size = sizeof device;
    device.path = "/dev/zero";
    device.inside = "/dev/thing/zero";
    device.reason = "device " KIND;
    memset(&link, 0, sizeof link);
    link.struct_size = sizeof link;
    link.kind = SKIFF_MOUNT_KIND_SYMLINK;
    link.group = SKIFF_MOUNT_GROUP_DEV;
    link.source = "thing/zero";
    link.destination = "/dev/first-thing";
    link.reason = "device " KIND;
    if ((status = plan()->add_device(session, &device)) != SKIFF_OK) return status;
    if ((status = plan()->add_mount(session, &link)) != SKIFF_OK) return status;
    if ((status = plan()->add_group(session, getegid(), "device " KIND)) != SKIFF_OK) return status;
    return variable(session, "THING", "whole");
}

static int32_t add(const skiff_plugin *self, skiff_session *session, const skiff_device_request *request) {
    const char *name = request->name;
    char path[4096];
    struct stat found;
    (void)self;
    if (strncmp(name, KIND "=", sizeof KIND) != 0) return SKIFF_DECLINED;
    name += sizeof KIND;
    if (strcmp(name, "whole") == 0) return whole(session);
    if (strcmp(name, "owned") == 0) return owned(session, 0640);
    if (strcmp(name, "setuid") == 0) return owned(session, 04640);
    if (strcmp(name, "broken") == 0) return fail("cannot read the description of broken: it is empty");
    for (uint32_t i = request->directory_count; i > 0; i--) {
        snprintf(path, sizeof path, "%s/%s.device", request->directories[i - 1], name);
        if (stat(path, &found) == 0) return variable(session, "THING", request->directories[i - 1]);
    }
    return SKIFF_DECLINED;
}

static int32_t list(const skiff_plugin *self, skiff_session *session, const skiff_device_request *request,
                    void (*each)(void *context, const char *name), void *context) {
    (void)self, (void)session;
    if (request->name) return fail("a list has no name");
    each(context, KIND "=whole");
    each(context, KIND "=bro\nken");
    return SKIFF_OK;
}

static const skiff_devices devices = {sizeof(skiff_devices), 0, add, list};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    return strcmp(id, SKIFF_EXT_DEVICES) == 0 ? &devices : NULL;
}

static const skiff_plugin plugin = {
    sizeof(skiff_plugin), SKIFF_ABI_CURRENT, ID, ID, "1.0", "Apache-2.0", NULL, NULL, NULL, get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t host_abi, const skiff_host *given, const skiff_plugin **out) {
    if (host_abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
