/* A plugin that is asked before a program enters an instance; what it does then, the instance's name says. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skiff/all.h>

static const skiff_host *host;
static char instance[256];

static void take(void *context, const char *text) {
    (void)context;
    snprintf(instance, sizeof instance, "%s", text);
}

static int32_t prepare(const skiff_plugin *self, skiff_session *session) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    const skiff_namespace wanted = {sizeof wanted, SKIFF_NAMESPACE_UTS, SKIFF_NAMESPACE_MODE_NEW, -1, "test"};
    (void)self;
    return plan->want_namespace(session, &wanted);
}

static int32_t rename_host(void *context) {
    (void)context;
    if (sethostname("joined", 6) == 0) return SKIFF_OK;
    host->fail(host, SKIFF_E_SYSTEM, errno, "cannot set the host name");
    return SKIFF_E_SYSTEM;
}

static int32_t joining(const skiff_plugin *self, skiff_session *session, const skiff_place *place) {
    const skiff_host_facts *facts = host->get_extension(host, SKIFF_HOST_FACTS);
    const skiff_host_inside *inside = host->get_extension(host, SKIFF_HOST_INSIDE);
    (void)self;
    if (facts->text(session, "instance", take, NULL) != SKIFF_OK || place->pid < 2 || place->pidfd < 0) {
        host->fail(host, SKIFF_E_INVALID, 0, "nobody says which instance it is");
        return SKIFF_E_INVALID;
    }
    if (strstr(instance, "closed") != NULL) {
        host->fail(host, SKIFF_E_DENIED, 0, "nobody enters this one");
        return SKIFF_E_DENIED;
    }
    if (strstr(instance, "exits") != NULL) _exit(0);
    if (strstr(instance, "leaks") != NULL && dup2(1, 77) < 0) return SKIFF_E_SYSTEM;
    return inside->run(session, place, SKIFF_INSIDE_USER | SKIFF_INSIDE_UTS, 0, rename_host, NULL);
}

static const skiff_phases phases = {.struct_size = sizeof phases, .prepare = prepare};
static const skiff_container container = {.struct_size = sizeof container, .joining = joining};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    return strcmp(id, SKIFF_EXT_CONTAINER) == 0 ? &container : NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = ID, .version = "1.0", .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    (void)abi;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
