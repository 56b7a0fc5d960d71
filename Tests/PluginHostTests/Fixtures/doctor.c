/* A plugin that examines the host; what it says is chosen when it is built. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skiff/ext/draft/doctor.h>

#ifndef DEED
#define DEED ""
#endif

static const skiff_host *host;

static int32_t examine(const skiff_plugin *self, skiff_session *session, skiff_finding_fn *each, void *context) {
    skiff_finding finding;
    int32_t status;
    (void)self;
    (void)session;
    memset(&finding, 0, sizeof finding);
    finding.struct_size = sizeof finding;
    finding.level = SKIFF_FINDING_FINE;
    finding.probe = "thing";
    finding.fact = "there is a thing";
    printf("printed by a plugin\n");
    if (strcmp(DEED, "exit") == 0) _exit(0);
    if (strcmp(DEED, "fail") == 0) {
        host->fail(host, SKIFF_E_SYSTEM, 0, "cannot look at the thing");
        return SKIFF_E_SYSTEM;
    }
    if (strcmp(DEED, "level") == 0) finding.level = 9;
    if ((status = each(context, &finding)) != SKIFF_OK) return status;
    finding.level = SKIFF_FINDING_FAULT;
    finding.fact = "another one is broken\nFATAL: forged";
    finding.effect = "nothing works";
    finding.cure = "thingctl repair as root";
    return each(context, &finding);
}

static const skiff_doctor doctor = {sizeof doctor, 0, examine};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    return strcmp(id, SKIFF_EXT_DOCTOR) == 0 ? &doctor : NULL;
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
