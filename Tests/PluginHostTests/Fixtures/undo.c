/* A plugin that does something on the host and writes down how to take it back; what is chosen by --deed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skiff/all.h>

static const skiff_host *host;
static char wanted[64];
static char directory[4000];

static int asked(const char *name) { return strcmp(wanted, name) == 0; }

static int32_t on_deed(skiff_session *session, const char *name) {
    (void)session;
    snprintf(wanted, sizeof wanted, "%s", name);
    return SKIFF_OK;
}

static int32_t on_place(skiff_session *session, const char *path) {
    (void)session;
    snprintf(directory, sizeof directory, "%s", path);
    return SKIFF_OK;
}

static int32_t push(skiff_session *session, uint32_t kind, const char *object, uint64_t *handle) {
    const skiff_host_undo *undo = host->get_extension(host, SKIFF_HOST_UNDO);
    skiff_undo record;
    memset(&record, 0, sizeof record);
    record.struct_size = sizeof record;
    record.kind = kind;
    record.object = object;
    record.reason = "test";
    return undo->push(session, &record, handle);
}

/* Directory, then a file in it: taken back in reverse order. A program of ours notes what is left then. */
static int32_t deeds(skiff_session *session) {
    const skiff_host_undo *undo = host->get_extension(host, SKIFF_HOST_UNDO);
    char path[4096], inner[4200], script[4400];
    uint64_t handle = 0;
    snprintf(path, sizeof path, "%s/made", directory);
    snprintf(inner, sizeof inner, "%s/file", path);
    snprintf(script, sizeof script, "cat >%s/input; test -e %s || echo gone >%s/order", directory, inner, directory);
    const char *words[] = {"sh", "-c", script, NULL};
    skiff_undo record = {.struct_size = sizeof record, .kind = SKIFF_UNDO_RUN, .object = "/bin/sh", .arguments = words,
                         .input = "given", .input_size = 5, .reason = "test"};
    int32_t status = push(session, SKIFF_UNDO_REMOVE_DIRECTORY, path, &handle);
    if (status == SKIFF_OK) status = undo->push(session, &record, &handle);
    if (status == SKIFF_OK) status = push(session, SKIFF_UNDO_REMOVE_FILE, inner, &handle);
    if (status < 0) return status;
    if (mkdir(path, 0755) != 0) return SKIFF_E_SYSTEM;
    int file = open(inner, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (file < 0) return SKIFF_E_SYSTEM;
    close(file);
    /* What the plugin has taken back itself, and what never was. */
    status = push(session, SKIFF_UNDO_REMOVE_FILE, "/etc/passwd", &handle);
    if (status < 0 || undo->drop(session, handle) != SKIFF_OK || undo->drop(session, handle) != SKIFF_DECLINED)
        return SKIFF_E_INTERNAL;
    return push(session, SKIFF_UNDO_REMOVE_FILE, "/no/such/directory/file", &handle);
}

static int32_t prepare(const skiff_plugin *self, skiff_session *session) {
    uint64_t handle = 0;
    (void)self;
    if (asked("files")) return deeds(session);
    if (asked("interface")) {
        int32_t status = push(session, SKIFF_UNDO_DELETE_LINK, "skifftest0", &handle);
        if (status < 0) return status;
        return system("ip link add skifftest0 type dummy 2>/dev/null || ip link add skifftest0 type veth peer name skifftest1") == 0
                   ? SKIFF_OK
                   : SKIFF_E_SYSTEM;
    }
    if (asked("mount")) {
        char place[4096], command[9000];
        snprintf(place, sizeof place, "%s/mounted", directory);
        snprintf(command, sizeof command, "mkdir %s && mount -t tmpfs none %s", place, place);
        int32_t status = push(session, SKIFF_UNDO_UNMOUNT, place, &handle);
        return status < 0 ? status : system(command) == 0 ? SKIFF_OK : SKIFF_E_SYSTEM;
    }
    if (asked("relative")) return push(session, SKIFF_UNDO_REMOVE_FILE, "relative", &handle);
    if (asked("slash")) return push(session, SKIFF_UNDO_DELETE_LINK, "../lo", &handle);
    if (asked("kind")) return push(session, 99, "/tmp/x", &handle);
    return SKIFF_OK;
}

static int32_t stopped(const skiff_plugin *self, skiff_session *session, int32_t status) {
    char path[4200];
    (void)self, (void)session, (void)status;
    snprintf(path, sizeof path, "%s/made", directory);
    if (access(path, F_OK) == 0) host->log(host, SKIFF_LOG_WARNING, "not undone before stopped");
    return SKIFF_OK;
}

static const skiff_phases phases = {.struct_size = sizeof phases, .prepare = prepare, .stopped = stopped};
static const skiff_handler handlers[] = {
    {"deed", "i:cs", (skiff_any_fn)on_deed, 0},
    {"deed-place", "i:cp", (skiff_any_fn)on_place, 0},
};
static const skiff_cli cli = {sizeof cli, 2, handlers, sizeof *handlers};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = ID, .name = "Undo", .version = "1.0",
    .license = "Apache-2.0", .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    if (abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
