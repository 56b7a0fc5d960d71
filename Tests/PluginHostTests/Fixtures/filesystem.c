/* Two plugins. With LAYER: --image and --image-ro add a file system in a file as a layer. Without: serves the file system
 * "store", which is an ext3 image that skiff-extfs serves; what goes wrong is chosen by a file IMAGE.fail. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skiff/all.h>

static const skiff_host *host;

#ifdef LAYER

static char image[4096];
static int writable;
static char type[32] = "store";

static int32_t on_image(skiff_session *session, const char *path) {
    (void)session;
    snprintf(image, sizeof image, "%s", path);
    writable = 1;
    return SKIFF_OK;
}

static int32_t on_read(skiff_session *session, const char *path) {
    (void)session;
    snprintf(image, sizeof image, "%s", path);
    return SKIFF_OK;
}

static int32_t on_type(skiff_session *session, const char *name) {
    (void)session;
    snprintf(type, sizeof type, "%s", name);
    return SKIFF_OK;
}

static int32_t mounts(const skiff_plugin *self, skiff_session *session) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    struct stat facts;
    (void)self;
    int file = open(image, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (file < 0 || fstat(file, &facts) != 0) {
        host->fail(host, SKIFF_E_SYSTEM, errno, "cannot open the image");
        return SKIFF_E_SYSTEM;
    }
    skiff_layer layer = {
        .struct_size = sizeof layer, .kind = SKIFF_LAYER_KIND_SERVED, .flags = writable ? SKIFF_LAYER_FLAG_WRITABLE : 0,
        .fd = file, .size = (uint64_t)facts.st_size, .path = "upper", .work = writable ? "work" : NULL,
        .filesystem = type, .reason = "test image",
    };
    int32_t status = plan->add_layer(session, &layer);
    close(file);
    return status;
}

static const skiff_phases phases = {.struct_size = sizeof phases, .mounts = mounts};
static const skiff_handler handlers[] = {
    {"image", "i:cp", (skiff_any_fn)on_image, 0},
    {"image-ro", "i:cp", (skiff_any_fn)on_read, 0},
    {"image-type", "i:cs", (skiff_any_fn)on_type, 0},
};
static const skiff_cli cli = {sizeof cli, 3, handlers, sizeof *handlers};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return NULL;
}

#else

static void tell(const skiff_filesystem_request *request, const char *call) {
    char path[4200], line[256];
    snprintf(path, sizeof path, "%s.log", request->path);
    int count = snprintf(line, sizeof line, "%s %s %s %d %d\n", call,
                         request->flags & SKIFF_FILESYSTEM_FLAG_WRITABLE ? "rw" : "ro",
                         request->driver == SKIFF_FILESYSTEM_DRIVER_KERNEL ? "kernel" : "server", request->fuse_fd >= 0,
                         request->place && request->place->pid > 1 && request->place->pidfd >= 0);
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0 || write(file, line, (size_t)count) != count) abort();
    close(file);
}

static int fails(const skiff_filesystem_request *request, const char *how) {
    char path[4200], text[64] = "";
    snprintf(path, sizeof path, "%s.fail", request->path);
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    if (!fgets(text, sizeof text, file)) text[0] = 0;
    fclose(file);
    return strcmp(text, how) == 0;
}

static int32_t refuse(const char *text) {
    host->fail(host, SKIFF_E_SYSTEM, EBADMSG, text);
    return SKIFF_E_SYSTEM;
}

static int32_t plan(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request,
                    skiff_filesystem_plan *answer) {
    (void)self, (void)session;
    if (strcmp(request->type, "store") != 0) return SKIFF_DECLINED;
    tell(request, "plan");
    if (fails(request, "plan")) return refuse("cannot read the store\nThis is the hint");
    answer->server = "the store server";
    answer->options = fails(request, "option") ? "suid" : "max_read=65536,subtype=store";
    if (!fails(request, "lower")) answer->flags = SKIFF_FILESYSTEM_PLAN_UPPER;
    return SKIFF_OK;
}

static int32_t recover(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request) {
    (void)self, (void)session;
    tell(request, "recover");
    return fails(request, "recover") ? refuse("cannot repair the store") : SKIFF_OK;
}

static int32_t serve(const skiff_plugin *self, skiff_session *session, const skiff_filesystem_request *request) {
    const skiff_host_run *run = host->get_extension(host, SKIFF_HOST_RUN);
    const char *mode = request->flags & SKIFF_FILESYSTEM_FLAG_WRITABLE ? "rw" : "ro";
    (void)self;
    tell(request, "serve");
    if (fails(request, "serve")) return refuse("cannot serve the store\nThis is the hint");
    if (fails(request, "nothing")) return SKIFF_OK;
    /* The shell lets the server end with another status than its own. */
    const char *script = fails(request, "dies")     ? "exit 1"
                         : fails(request, "status") ? "\"$0\" \"$@\"; exit 3"
                                                    : "exec \"$0\" \"$@\"";
    const char *arguments[] = {"sh", "-c", script, LIBEXEC "/skiff-extfs", "0", mode, "-", "-", "0", NULL};
    skiff_run_fd fds[] = {{2, 2}, {3, request->fd}, {4, request->fuse_fd}};
    skiff_command command = {
        .struct_size = sizeof command, .path = "/bin/sh", .arguments = arguments, .fds = fds, .fd_count = 3,
        .fd_size = sizeof *fds, .ready_fd = 5,
    };
    int32_t status = run->start(session, &command, NULL);
    if (status < 0 || !fails(request, "two")) return status;
    return run->start(session, &command, NULL);
}

static const skiff_filesystem filesystem = {sizeof filesystem, 0, plan, recover, serve};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    return strcmp(id, SKIFF_EXT_FILESYSTEM) == 0 ? &filesystem : NULL;
}

#endif

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = ID, .name = "File system", .version = "1.0",
    .license = "Apache-2.0", .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    if (abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
