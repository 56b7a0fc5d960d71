/* A plugin that knows an image format: "TESTIMG1", then lines that say what the file holds, up to 4096 bytes; what follows are
 * the sections.
 *   section=FILESYSTEM ROLE OFFSET SIZE   variable=NAME=value   label=name=value   runscript=SHELL COMMAND
 *   architecture=NAME   deed=decline|fail|exit|crash|print|twice|silent */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skiff/ext/draft/image-format.h>

static const skiff_host *host;

static int32_t probe(const skiff_plugin *self, const void *prefix, uint64_t count) {
    (void)self;
    return count >= 8 && memcmp(prefix, "TESTIMG1", 8) == 0 ? SKIFF_OK : SKIFF_DECLINED;
}

static const char *value(const char *line, const char *key) {
    size_t length = strlen(key);
    return strncmp(line, key, length) == 0 && line[length] == '=' ? line + length + 1 : NULL;
}

static int32_t describe(const skiff_plugin *self, skiff_session *session, int32_t fd, skiff_image_answer_fn *answer,
                        void *context) {
    static char text[4097];
    static char script[4200];
    static const char *variables[64], *labels[64];
    static skiff_section sections[64];
    skiff_image_description image;
    const char *deed = "", *found;
    char *line, *rest = text + 8;
    (void)self;
    (void)session;
    memset(&image, 0, sizeof image);
    image.struct_size = sizeof image;
    image.sections = sections;
    image.section_stride = sizeof *sections;
    image.variables = variables;
    image.labels = labels;
    if (pread(fd, text, 4096, 0) < 8 || write(fd, "x", 1) >= 0) {
        host->fail(host, SKIFF_E_SYSTEM, 0, "cannot read the image, or can write it");
        return SKIFF_E_SYSTEM;
    }
    while ((line = strsep(&rest, "\n")) != NULL) {
        if ((found = value(line, "section")) != NULL && image.section_count < 64) {
            skiff_section *section = &sections[image.section_count++];
            unsigned long long offset, size;
            if (sscanf(found, "%u %u %llu %llu", &section->filesystem, &section->role, &offset, &size) != 4) continue;
            section->struct_size = sizeof *section;
            section->id = image.section_count;
            section->offset = offset;
            section->size = size;
        } else if ((found = value(line, "variable")) != NULL && image.variable_count < 64) {
            variables[image.variable_count++] = found;
        } else if ((found = value(line, "label")) != NULL && image.label_count < 64) {
            labels[image.label_count++] = found;
        } else if ((found = value(line, "runscript")) != NULL) {
            snprintf(script, sizeof script, "#!/bin/sh\n%s\n", found);
            image.runscript = script;
        } else if ((found = value(line, "architecture")) != NULL) {
            image.architecture = found;
        } else if ((found = value(line, "deed")) != NULL) {
            deed = found;
        }
    }
    if (strcmp(deed, "decline") == 0) return SKIFF_DECLINED;
    if (strcmp(deed, "silent") == 0) return SKIFF_OK;
    if (strcmp(deed, "exit") == 0) _exit(0);
    if (strcmp(deed, "crash") == 0) abort();
    if (strcmp(deed, "print") == 0) printf("printed by a plugin\n"), fflush(stdout);
    if (strcmp(deed, "fail") == 0) {
        host->fail(host, SKIFF_E_INVALID, 0, "the image is\nof next year");
        return SKIFF_E_INVALID;
    }
    if (strcmp(deed, "twice") == 0) answer(context, &image);
    return answer(context, &image);
}

static const skiff_image_format format = {sizeof format, 0, probe, describe};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    return strcmp(id, SKIFF_EXT_IMAGE_FORMAT) == 0 ? &format : NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof(skiff_plugin), .abi = SKIFF_ABI_CURRENT, .id = ID, .version = "1.0", .get_extension = get_extension};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    (void)abi;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
