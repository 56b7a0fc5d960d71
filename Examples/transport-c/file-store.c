/* A transport in one file of C99: file-store://NAME:TAG is an image in the directory that --file-store names.
 *
 *     DIRECTORY/NAME/TAG.sif      an image file, or
 *     DIRECTORY/NAME/TAG/         an OCI image layout
 *     DIRECTORY/NAME/TAG.digest   sha256:… of the file, or of what the layout's index.json names; need not be there
 *
 * NAME may have slashes, TAG is latest when it is not given. Build it with make; Docs/plugin-guide.md explains. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skiff/cli.h>
#include <skiff/ext/transport.h>
#include <skiff/host/progress.h>

#define SCHEME "file-store://"
#define LONGEST 2048

static const skiff_host *host;
static char store[LONGEST];

/* "cannot <verb> <object>", and on the second line what helps. */
static int32_t fail(int32_t status, int number, const char *verb, const char *object, const char *hint) {
    char message[3 * LONGEST];
    snprintf(message, sizeof message, "cannot %s %.*s%s%s", verb, LONGEST, object, hint ? "\n" : "", hint ? hint : "");
    host->fail(host, status, number, message);
    return status;
}

static int32_t broken(const char *verb, const char *object) {
    return fail(SKIFF_E_SYSTEM, errno, verb, object, NULL);
}

/* The flag's handler. */
static int32_t on_store(skiff_session *session, const char *path) {
    (void)session;
    if (strlen(path) >= sizeof store) return fail(SKIFF_E_INVALID, ENAMETOOLONG, "use", "--file-store", NULL);
    memcpy(store, path, strlen(path) + 1);
    return SKIFF_OK;
}

/* A name leads nowhere but down: no part of it is empty or begins with a dot. */
static int is_name(const char *text) {
    const char *part = text;
    for (;; part++) {
        if (*part == '.' || *part == '/' || *part == 0) return 0;
        part += strcspn(part, "/");
        if (*part == 0) return 1;
    }
}

/* DIRECTORY/NAME/TAG of a URI, as path; TAG's place in it as *tag. */
static int32_t locate(const char *uri, char path[2 * LONGEST], const char **tag) {
    const char *hint = SCHEME "NAME:TAG is the form, without . at the beginning of a part";
    const char *name, *colon;
    int length;
    if (!store[0])
        return fail(SKIFF_E_INVALID, 0, "use", uri, "Name the directory of the images with --file-store or SKIFF_FILE_STORE");
    if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0) return SKIFF_DECLINED;
    name = uri + strlen(SCHEME);
    colon = strrchr(name, ':');
    if (strlen(name) >= LONGEST - 16) return fail(SKIFF_E_INVALID, ENAMETOOLONG, "use", SCHEME "…", NULL);
    length = snprintf(path, 2 * LONGEST, "%s/%.*s", store, colon ? (int)(colon - name) : (int)strlen(name), name);
    if (!is_name(path + strlen(store) + 1) || (colon && (!is_name(colon + 1) || strchr(colon + 1, '/'))))
        return fail(SKIFF_E_INVALID, 0, "use", uri, hint);
    snprintf(path + length, (size_t)(2 * LONGEST - length), "/%s", colon ? colon + 1 : "latest");
    *tag = path + length + 1;
    return SKIFF_OK;
}

static void with_suffix(char result[2 * LONGEST], const char *path, const char *suffix) {
    size_t length = strlen(path), more = strlen(suffix) + 1;
    if (length + more > 2 * LONGEST) length = 2 * LONGEST - more;
    memmove(result, path, length);
    memcpy(result + length, suffix, more);
}

/* The first line of TAG.digest; empty when there is none. */
static void read_digest(const char *path, char digest[128]) {
    char name[2 * LONGEST];
    FILE *file;
    with_suffix(name, path, ".digest");
    digest[0] = 0;
    file = fopen(name, "re");
    if (!file) return;
    if (!fgets(digest, 128, file)) digest[0] = 0;
    digest[strcspn(digest, "\r\n")] = 0;
    fclose(file);
}

static int32_t resolve(const skiff_plugin *self, skiff_session *session, const skiff_transport_request *request,
                       skiff_transport_answer_fn *answer, void *context) {
    char path[2 * LONGEST], file[2 * LONGEST], digest[128], identity[128];
    const char *tag;
    struct stat found;
    skiff_transport_image image;
    int32_t status = locate(request->uri, path, &tag);
    (void)self, (void)session;
    if (status != SKIFF_OK) return status;
    memset(&image, 0, sizeof image);
    image.struct_size = sizeof image;
    with_suffix(file, path, ".sif");
    if (stat(file, &found) == 0 && S_ISREG(found.st_mode)) {
        image.kind = SKIFF_TRANSPORT_FILE;
        image.size = (uint64_t)found.st_size;
    } else {
        with_suffix(file, path, "/index.json");
        if (stat(file, &found) != 0)
            return fail(SKIFF_E_INVALID, 0, "find", request->uri, "It is neither a SIF file nor an OCI layout in the store");
        image.kind = SKIFF_TRANSPORT_LAYOUT;
    }
    read_digest(path, digest);
    /* Without a digest: what changes when somebody puts another file there. */
    snprintf(identity, sizeof identity, "%lld %lld.%09ld %llu", (long long)found.st_size, (long long)found.st_mtim.tv_sec,
             found.st_mtim.tv_nsec, (unsigned long long)found.st_ino);
    image.digest = digest[0] ? digest : NULL;
    image.identity = identity;
    /* What the host does not take it has found fault with itself. */
    return answer(context, &image);
}

/* All bytes of one file into another one; progress for what has a name. */
static int32_t copy(skiff_session *session, int source, int target, const char *path, const char *name, uint64_t size) {
    static char buffer[1 << 20];
    const skiff_host_progress *progress = host->get_extension(host, SKIFF_HOST_PROGRESS);
    uint64_t done = 0;
    for (;;) {
        ssize_t count = read(source, buffer, sizeof buffer), written = 0;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return broken("read", path);
        if (count == 0) return SKIFF_OK;
        while (written < count) {
            ssize_t more = write(target, buffer + written, (size_t)(count - written));
            if (more < 0 && errno == EINTR) continue;
            if (more < 0) return broken("write a copy of", path);
            written += more;
        }
        done += (uint64_t)count;
        if (name && progress && progress->report && progress->report(session, name, done, size) == SKIFF_E_DENIED)
            return fail(SKIFF_E_DENIED, ECANCELED, "copy", path, NULL);
    }
}

/* One file of a layout, by its name in both directories. */
static int32_t copy_file(skiff_session *session, int from, int to, const char *name) {
    int32_t status = SKIFF_OK;
    int source = openat(from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), target;
    if (source < 0) return broken("read", name);
    target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (target < 0) status = broken("make", name);
    if (status == SKIFF_OK) status = copy(session, source, target, name, NULL, 0);
    if (target >= 0) close(target);
    close(source);
    return status;
}

/* Every file of from; directories are made by the caller. */
static int32_t copy_blobs(skiff_session *session, int from, int to) {
    int32_t status = SKIFF_OK;
    struct dirent *entry;
    DIR *list = fdopendir(from);
    if (!list) {
        status = broken("read", "blobs/sha256");
        close(from);
        return status;
    }
    while (status == SKIFF_OK && (entry = readdir(list)))
        if (entry->d_name[0] != '.') status = copy_file(session, from, to, entry->d_name);
    closedir(list);
    return status;
}

static int32_t copy_layout(skiff_session *session, const char *path, int target) {
    int32_t status;
    int blobs, ours, from = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from < 0) return broken("read", path);
    status = copy_file(session, from, target, "oci-layout");
    if (status == SKIFF_OK) status = copy_file(session, from, target, "index.json");
    if (status == SKIFF_OK && (mkdirat(target, "blobs", 0700) < 0 || mkdirat(target, "blobs/sha256", 0700) < 0))
        status = broken("make", "blobs/sha256");
    if (status == SKIFF_OK) {
        blobs = openat(from, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ours = openat(target, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (blobs < 0 || ours < 0) {
            status = broken("open", "blobs/sha256");
            if (blobs >= 0) close(blobs);
        } else {
            status = copy_blobs(session, blobs, ours);
        }
        if (ours >= 0) close(ours);
    }
    close(from);
    return status;
}

static int32_t fetch(const skiff_plugin *self, skiff_session *session, const skiff_transport_request *request,
                     const skiff_transport_image *image, int32_t target_fd) {
    char path[2 * LONGEST], file[2 * LONGEST];
    const char *tag;
    int source;
    int32_t status = locate(request->uri, path, &tag);
    (void)self;
    if (status != SKIFF_OK) return status;
    if (image->kind == SKIFF_TRANSPORT_LAYOUT) return copy_layout(session, path, target_fd);
    with_suffix(file, path, ".sif");
    source = open(file, O_RDONLY | O_CLOEXEC);
    if (source < 0) return broken("read", file);
    status = copy(session, source, target_fd, file, tag, image->size);
    close(source);
    return status;
}

/* Every directory above a path. */
static int32_t make_parents(char *path) {
    char *slash = path;
    while ((slash = strchr(slash + 1, '/'))) {
        int failed;
        *slash = 0;
        failed = mkdir(path, 0777) < 0 && errno != EEXIST ? errno : 0;
        if (failed) {
            int32_t status = fail(SKIFF_E_SYSTEM, failed, "make", path, NULL);
            *slash = '/';
            return status;
        }
        *slash = '/';
    }
    return SKIFF_OK;
}

/* A file that appears whole, from a descriptor or, where that is negative, from a text. */
static int32_t put(skiff_session *session, const char *path, const char *tag, int source, const char *text, uint64_t size) {
    char part[2 * LONGEST + 64];
    int32_t status = SKIFF_OK;
    int target;
    snprintf(part, sizeof part, "%.*s.%s.%ld", (int)(tag - path), path, tag, (long)getpid());
    target = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (target < 0) return broken("make", part);
    if (source >= 0) {
        status = copy(session, source, target, path, tag, size);
    } else if (write(target, text, strlen(text)) != (ssize_t)strlen(text)) {
        status = broken("write", part);
    }
    if (status == SKIFF_OK && fsync(target) < 0) status = broken("write", part);
    if (close(target) < 0 && status == SKIFF_OK) status = broken("write", part);
    if (status == SKIFF_OK && rename(part, path) < 0) status = broken("make", path);
    if (status != SKIFF_OK) unlink(part);
    return status;
}

static int32_t push(const skiff_plugin *self, skiff_session *session, const skiff_transport_upload *upload) {
    char path[2 * LONGEST], file[2 * LONGEST], digest[2 * LONGEST], line[128];
    const char *tag;
    int32_t status = locate(upload->uri, path, &tag);
    (void)self;
    if (status == SKIFF_OK) status = make_parents(path);
    if (status != SKIFF_OK) return status;
    with_suffix(file, path, ".sif");
    with_suffix(digest, path, ".digest");
    /* Never a digest beside a file that it is not of. */
    if (unlink(digest) < 0 && errno != ENOENT) return broken("replace", digest);
    if (lseek(upload->fd, 0, SEEK_SET) < 0) return broken("read", "the image");
    status = put(session, file, file + (tag - path), upload->fd, NULL, upload->size);
    if (status != SKIFF_OK) return status;
    snprintf(line, sizeof line, "%s\n", upload->digest);
    return put(session, digest, digest + (tag - path), -1, line, 0);
}

static const skiff_transport transport = {sizeof(skiff_transport), 0, resolve, fetch, push};

static const skiff_handler handlers[] = {{"store", "i:cp", (skiff_any_fn)on_store, 0}};
static const skiff_cli cli = {sizeof(skiff_cli), 1, handlers, sizeof *handlers};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_TRANSPORT) == 0) return &transport;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return NULL;
}

static const skiff_plugin plugin = {
    sizeof(skiff_plugin), SKIFF_ABI_CURRENT, "org.skiff.file-store", "FileStore", "0.1.0", "Apache-2.0", NULL, NULL, NULL,
    get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t host_abi, const skiff_host *given, const skiff_plugin **out) {
    if (host_abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
