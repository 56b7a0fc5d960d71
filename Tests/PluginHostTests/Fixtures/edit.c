/* A plugin with one command, which changes a SIF file through skiff.host.image-edit/1: edit DEED FILE [NUMBER...]. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skiff/all.h>

static const skiff_host *host;
static const skiff_host_image_edit *table;
static skiff_session *session;
static const char *deed;

static int asked(const char *name) { return strcmp(deed, name) == 0; }

static int32_t fill(void *context, const skiff_edit_place *place) {
    char *bytes = malloc(place->size);
    uint64_t *count = context;
    (*count)++;
    if (pread(place->fd, bytes, place->size, (off_t)place->offset) != (ssize_t)place->size) return SKIFF_E_INTERNAL;
    for (uint64_t i = 0; i < place->size; i++) {
        if (bytes[i] != 0) return SKIFF_E_INTERNAL;
        bytes[i] = (char)('a' + i % 26);
    }
    if (pwrite(place->fd, bytes, place->size, (off_t)place->offset) != (ssize_t)place->size) return SKIFF_E_SYSTEM;
    if (asked("header")) (void)!pwrite(place->fd, "spoiled", 7, 40);
    if (asked("beyond")) (void)!pwrite(place->fd, "spoiled", 7, (off_t)(place->offset + place->size));
    if (asked("short")) (void)!ftruncate(place->fd, (off_t)place->offset + 1);
    if (asked("refuse")) {
        host->fail(host, SKIFF_E_INVALID, 0, "cannot fill it");
        return SKIFF_E_INVALID;
    }
    if (asked("abort")) abort();
    if (asked("exit")) _exit(0);
    if (asked("wait")) {
        dprintf(1, "ready\n");
        pause();
    }
    if (asked("nested")) {
        uint64_t edit = 1;
        printf("nested %d\n", table->commit(session, edit));
    }
    if (asked("helper") || asked("slow-helper")) {
        const skiff_host_run *run = host->get_extension(host, SKIFF_HOST_RUN);
        char script[300];
        int32_t status = 0;
        skiff_run_fd fds[] = {{1, 1}, {3, place->fd}};
        snprintf(script, sizeof script,
                 "printf helped | dd of=/proc/self/fd/3 conv=notrunc bs=1 seek=%" PRIu64 " 2>/dev/null; %s"
                 "printf over | dd of=/proc/self/fd/3 conv=notrunc bs=1 seek=%" PRIu64 " 2>/dev/null || echo stopped",
                 place->offset, asked("helper") ? "" : "echo ready; exec sleep 30; ", place->offset + place->size);
        const char *words[] = {"sh", "-c", script, NULL};
        skiff_command command = {.struct_size = sizeof command, .path = "/bin/sh", .arguments = words, .fds = fds,
                                 .fd_count = 2, .fd_size = sizeof *fds, .file_size_limit = place->offset + place->size};
        fflush(stdout);
        return run->run(session, &command, &status);
    }
    return SKIFF_OK;
}

static int32_t list(uint64_t edit) {
    uint32_t count = 0;
    int32_t status = table->section_count(session, edit, &count);
    for (uint32_t i = 0; status == SKIFF_OK && i < count; i++) {
        skiff_section section = {.struct_size = sizeof section};
        status = table->section(session, edit, i, &section);
        printf("%u type %x group %u offset %" PRIu64 " size %" PRIu64 " fs %u role %u name %s\n", section.id, section.type,
               section.group, section.offset, section.size, section.filesystem, section.role, section.name);
    }
    return status;
}

/* Numbers of edits, objects and descriptors that there are not. */
static int32_t hostile(uint64_t edit, const char *path) {
    uint64_t calls = 0, other = 0, numbers[] = {0, edit + 1, UINT64_MAX, edit << 32};
    uint32_t id = 0;
    int32_t fd = -1;
    skiff_section section = {.struct_size = sizeof section};
    skiff_new_section object = {.struct_size = sizeof object, .type = 0x4007, .size = 4};
    int wrong = 0;
    for (size_t i = 0; i < 4; i++) {
        wrong += table->descriptor(session, numbers[i], &fd) == SKIFF_E_INVALID;
        wrong += table->section(session, numbers[i], 0, &section) == SKIFF_E_INVALID;
        wrong += table->append(session, numbers[i], &object, fill, &calls, &id) == SKIFF_E_INVALID;
        wrong += table->commit(session, numbers[i]) == SKIFF_E_INVALID;
        wrong += table->close(session, numbers[i]) == SKIFF_E_INVALID;
    }
    wrong += table->section(session, edit, UINT32_MAX, &section) == SKIFF_E_INVALID;
    wrong += table->remove(session, edit, 0) == SKIFF_E_INVALID;
    wrong += table->remove(session, edit, UINT32_MAX) == SKIFF_E_INVALID;
    wrong += table->replace(session, edit, 77, 4, fill, &calls) == SKIFF_E_INVALID;
    wrong += table->replace(session, edit, 1, 0, fill, &calls) == SKIFF_E_INVALID;
    wrong += table->replace(session, edit, 1, UINT64_MAX, fill, &calls) == SKIFF_E_INVALID;
    wrong += table->replace(session, edit, 1, 4, NULL, NULL) == SKIFF_E_INVALID;
    wrong += table->replace(session, edit, 1, INT64_MAX, fill, &calls) == SKIFF_E_INVALID;
    wrong += table->resize(session, edit, 1, UINT64_MAX) == SKIFF_E_INVALID;
    wrong += table->append(session, edit, NULL, fill, &calls, &id) == SKIFF_E_INVALID;
    object.type = 0x4005;
    wrong += table->append(session, edit, &object, fill, &calls, &id) == SKIFF_E_UNSUPPORTED;
    object.type = 0x4007;
    object.size = UINT64_C(1) << 61; /* more than a file can have */
    wrong += table->append(session, edit, &object, fill, &calls, &id) < 0;
    object.size = 4;
    object.struct_size = 4;
    wrong += table->append(session, edit, &object, fill, &calls, &id) == SKIFF_E_INVALID;
    wrong += table->open(session, NULL, 0, &other) == SKIFF_E_INVALID;
    wrong += table->open(session, path, 0x80, &other) == SKIFF_E_NOT_UNDERSTOOD;
    wrong += table->open(session, "/dev/null", 0, &other) == SKIFF_E_INVALID;
    wrong += table->open(session, "/etc", SKIFF_EDIT_READ_ONLY, &other) == SKIFF_E_INVALID;
    wrong += table->open(session, "/no/such/file", 0, &other) == SKIFF_E_SYSTEM;
    wrong += table->open(session, "/etc/passwd", SKIFF_EDIT_READ_ONLY, &other) == SKIFF_DECLINED;
    wrong += table->commit(NULL, edit) == SKIFF_E_PHASE;
    int open = 1;
    while (open < 100 && table->open(session, path, SKIFF_EDIT_READ_ONLY, &other) == SKIFF_OK) open++;
    printf("refused %d of 40, called %" PRIu64 ", open %d\n", wrong, calls, open);
    return SKIFF_OK;
}

static int32_t on_edit(skiff_session *given, const char *const *words, uint64_t count) {
    uint64_t edit = 0, calls = 0;
    uint32_t id = 0;
    session = given;
    table = host->get_extension(host, SKIFF_HOST_IMAGE_EDIT);
    deed = count > 0 ? words[0] : "";
    if (count < 2) return SKIFF_E_INVALID;
    uint64_t first = count > 2 ? strtoull(words[2], NULL, 0) : 1, second = count > 3 ? strtoull(words[3], NULL, 0) : 100;
    uint32_t flags = asked("list") || asked("read-only") ? SKIFF_EDIT_READ_ONLY : 0;
    int32_t status = table->open(session, words[1], flags, &edit);
    if (status == SKIFF_DECLINED) printf("no SIF\n");
    if (status != SKIFF_OK) return status;
    skiff_new_section object = {.struct_size = sizeof object, .type = 0x4007, .group = 1, .size = second, .name = "added"};
    if (asked("list")) return list(edit);
    if (asked("hostile")) return hostile(edit, words[1]);
    if (asked("read-only")) return table->remove(session, edit, (uint32_t)first);
    if (asked("remove")) status = table->remove(session, edit, (uint32_t)first);
    else if (asked("resize")) status = table->resize(session, edit, (uint32_t)first, second);
    else if (asked("replace")) status = table->replace(session, edit, (uint32_t)first, second, fill, &calls);
    else if (asked("partition")) {
        object.type = 0x4004;
        object.filesystem = 2;
        object.role = 4;
        object.architecture = "arm64";
        status = table->append(session, edit, &object, fill, &calls, &id);
    } else
        status = table->append(session, edit, &object, fill, &calls, &id);
    if (asked("all") && status == SKIFF_OK) { /* several changes, seen at once */
        status = table->replace(session, edit, 1, 50, fill, &calls);
        if (status == SKIFF_OK) status = table->remove(session, edit, 2);
        if (status == SKIFF_OK) status = table->resize(session, edit, 1, 60);
    }
    if (status == SKIFF_OK && asked("uncommitted")) {
        list(edit);
        return SKIFF_OK;
    }
    if (asked("wait-commit") && status == SKIFF_OK) {
        dprintf(1, "ready\n");
        pause();
    }
    if (status == SKIFF_OK) status = table->commit(session, edit);
    if (status == SKIFF_OK) list(edit);
    if (status == SKIFF_OK && asked("append")) printf("added %u, called %" PRIu64 "\n", id, calls);
    int32_t closed = table->close(session, edit);
    return status < 0 ? status : closed;
}

static int32_t on_phase(skiff_session *given, int32_t on) {
    uint64_t edit = 0;
    table = host->get_extension(host, SKIFF_HOST_IMAGE_EDIT);
    if (on && table->open(given, "/etc/passwd", SKIFF_EDIT_READ_ONLY, &edit) == SKIFF_E_PHASE)
        host->log(host, SKIFF_LOG_WARNING, "not in a launch");
    return SKIFF_OK;
}

static const skiff_handler handlers[] = {
    {"edit", "i:cS", (skiff_any_fn)on_edit, 0},
    {"try-edit", "i:cb", (skiff_any_fn)on_phase, 0},
};
static const skiff_cli cli = {sizeof cli, 2, handlers, sizeof *handlers};
static const skiff_phases phases = {.struct_size = sizeof phases};

static const void *find(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return strcmp(id, SKIFF_EXT_PHASES) == 0 ? &phases : NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = ID, .name = "edit", .version = "1.0", .license = "MIT",
    .get_extension = find,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out);
int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    (void)abi;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
