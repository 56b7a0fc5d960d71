/* A plugin that writes a build's target: a line about the image, and its root file system behind it. What it does wrong is chosen when it is
 * built. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skiff/ext/draft/build-target.h>

#ifndef DEED
#define DEED ""
#endif

static const skiff_host *host;

static int is(const char *deed) { return strcmp(DEED, deed) == 0; }

static int32_t fail(const char *reason, int error) {
    host->fail(host, SKIFF_E_SYSTEM, error, reason);
    return SKIFF_E_SYSTEM;
}

static int32_t put(int file, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t wrote = write(file, bytes, count);
        if (wrote < 0) return fail("cannot write the target", errno);
        bytes += wrote;
        count -= (size_t)wrote;
    }
    return SKIFF_OK;
}

static int32_t write_target(const skiff_plugin *self, skiff_session *session, const skiff_target_image *image, int32_t target) {
    char buffer[65536];
    uint64_t done = 0;
    int32_t status;
    int length = snprintf(buffer, sizeof buffer, "boxed %s %s %u %llu\n", image->architecture, image->digest,
                          image->root_filesystem, (unsigned long long)image->root_size);
    (void)self;
    (void)session;
    if (is("declines")) {
        printf("printed by a plugin\n");
        return SKIFF_DECLINED;
    }
    if (is("nothing")) return SKIFF_OK;
    if (is("silent")) return SKIFF_E_SYSTEM;
    if (image->root_size == 0) {
        host->fail(host, SKIFF_E_INVALID, 0, "cannot box an image without a root file system");
        return SKIFF_E_INVALID;
    }
    if ((status = put(target, buffer, (size_t)length)) != SKIFF_OK) return status;
    if (is("withdraws")) return SKIFF_DECLINED;
    while (done < image->root_size) {
        size_t wanted = image->root_size - done < sizeof buffer ? (size_t)(image->root_size - done) : sizeof buffer;
        ssize_t got = pread(image->fd, buffer, wanted, (off_t)(image->root_offset + done));
        if (got <= 0) return fail("cannot read the image", got < 0 ? errno : EIO);
        if ((status = put(target, buffer, (size_t)got)) != SKIFF_OK) return status;
        done += (uint64_t)got;
        if (is("fails")) return fail("the box is full", ENOSPC);
        if (is("exits")) _exit(0);
        if (is("crashes")) raise(SIGSEGV);
        if (is("hangs")) pause();
    }
    return SKIFF_OK;
}

static const skiff_build_target build_target = {sizeof build_target, 0, write_target};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    return strcmp(id, SKIFF_EXT_BUILD_TARGET) == 0 ? &build_target : NULL;
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
