/* A transport for tests: odd://WORD does what the word says. The file that it serves is named by the variable ODD_IMAGE;
 * its digest, where one is wanted, by ODD_DIGEST. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skiff/all.h>

#ifndef ID
#define ID "org.test.odd"
#endif
#ifndef FETCH
#define FETCH fetch
#endif
#ifndef PUSH
#define PUSH NULL
#endif
/* What the second of two plugins with one scheme serves. */
#ifndef DECLINES
#define DECLINES "declined"
#endif

static const skiff_host *host;
static char value[4096];

static void keep(void *context, const char *text) {
    (void)context;
    snprintf(value, sizeof value, "%s", text);
}

static const char *variable(skiff_session *session, const char *name) {
    const skiff_host_settings *settings = host->get_extension(host, SKIFF_HOST_SETTINGS);
    value[0] = 0;
    settings->variable(session, name, keep, NULL);
    return value;
}

static const char *word(const char *uri) { return uri + strlen("odd://"); }
static int is(const char *uri, const char *wanted) { return strcmp(word(uri), wanted) == 0; }

static skiff_session *borrowing;
static const char *lent[2];
static uint64_t lent_size[2];

/* Tells a secret backwards, so that a test can see that it came, and that it is nowhere else. */
static void tell(const char *name, const char *bytes, uint64_t count) {
    char line[256];
    uint64_t index;
    int length = snprintf(line, sizeof line, "%s ", name);
    for (index = 0; index < count && index < 200; index++) line[length++] = bytes[count - 1 - index];
    line[length] = 0;
    host->log(host, SKIFF_LOG_INFO, line);
}

static int32_t take_password(void *context, const void *bytes, uint64_t count) {
    (void)context;
    tell("password", bytes, count);
    lent[1] = bytes;
    lent_size[1] = count;
    return 42;
}

/* The one is still there while the other is. */
static int32_t take_username(void *context, const void *bytes, uint64_t count) {
    const skiff_host_secret *secret = host->get_extension(host, SKIFF_HOST_SECRET);
    int32_t status = secret->borrow(borrowing, "password", take_password, context);
    tell("username", bytes, count);
    lent[0] = bytes;
    lent_size[0] = count;
    return status;
}

static int32_t take_token(void *context, const void *bytes, uint64_t count) {
    (void)context;
    tell("token", bytes, count);
    return 43;
}

static void borrow(skiff_session *session) {
    const skiff_host_secret *secret = host->get_extension(host, SKIFF_HOST_SECRET);
    int32_t status, token, unknown, nobody;
    char line[128];
    int which, is_left = 0;
    uint64_t index;
    borrowing = session;
    status = secret->borrow(session, "username", take_username, NULL);
    token = secret->borrow(session, "token", take_token, NULL);
    unknown = secret->borrow(session, "passphrase", take_token, NULL);
    nobody = secret->borrow(session, "username", NULL, NULL);
    for (which = 0; which < 2; which++)
        for (index = 0; index < lent_size[which]; index++) is_left |= lent[which][index];
    snprintf(line, sizeof line, "borrowed %d %d %d %d, %s, %s", status, token, unknown, nobody, is_left ? "left" : "wiped",
             getenv("APPTAINER_DOCKER_USERNAME") || getenv("APPTAINER_DOCKER_PASSWORD") ? "known" : "unknown");
    host->log(host, SKIFF_LOG_INFO, line);
}

static int is_vault(const char *uri) { return strncmp(word(uri), "vault.", 6) == 0; }

/* Does nothing any more, as one does that waits for an answer that never comes. */
static void hang(void) {
    host->log(host, SKIFF_LOG_INFO, "hanging");
    for (;;) pause();
}

/* Hangs in a program that it has started. */
static void hang_in_child(void) {
    pid_t child = fork();
    if (child == 0) {
        execlp("sleep", "sleep", "7777", (char *)NULL);
        _exit(127);
    }
    host->log(host, SKIFF_LOG_INFO, "hanging");
    for (;;) waitpid(child, NULL, 0);
}

/* Tenths of a second. */
static void rest_for(long tenths) {
    struct timespec rest = {tenths / 10, tenths % 10 * 100000000};
    nanosleep(&rest, NULL);
}

static int32_t resolve(const skiff_plugin *self, skiff_session *session, const skiff_transport_request *request,
                       skiff_transport_answer_fn *answer, void *context) {
    skiff_transport_image image;
    struct stat found;
    char digest[80];
    const char *uri = request->uri;
    (void)self;
    memset(&image, 0, sizeof image);
    image.struct_size = sizeof image;
    image.kind = SKIFF_TRANSPORT_FILE;
    if (is(uri, DECLINES) || strlen(word(uri)) == 0) return SKIFF_DECLINED;
    if (is(uri, "crash")) raise(SIGSEGV);
    if (is(uri, "exit")) _exit(7);
    if (is_vault(uri)) borrow(session);
    if (is(uri, "hang-resolve")) hang();
    if (is(uri, "spin"))
        for (;;) rest_for(0);
    if (is(uri, "silent")) return SKIFF_OK;
    if (is(uri, "mute")) return SKIFF_E_SYSTEM;
    if (is(uri, "reason")) {
        host->fail(host, SKIFF_E_SYSTEM, ENOENT, "cannot find the odd thing\nLook behind the sofa");
        return SKIFF_E_SYSTEM;
    }
    if (is(uri, "kind")) image.kind = 77;
    if (is(uri, "not-a-digest")) image.digest = "sha256:../../etc/passwd";
    if (is(uri, "identity")) image.identity = "two\nlines";
    if (is(uri, "size")) image.size = UINT64_MAX;
    if (is(uri, "wrong-digest")) image.digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    if (is(uri, "digest")) {
        snprintf(digest, sizeof digest, "%s", variable(session, "ODD_DIGEST"));
        image.digest = digest;
    }
    if (is(uri, "revision")) image.identity = variable(session, "ODD_REVISION");
    if (is(uri, "short")) image.size = stat(variable(session, "ODD_IMAGE"), &found) == 0 ? (uint64_t)found.st_size : 1;
    if (is(uri, "twice")) answer(context, &image);
    if (is(uri, "architecture") && strcmp(request->architecture, "arm64") != 0) return SKIFF_DECLINED;
    if (is(uri, "ignores")) {
        image.kind = 77;
        answer(context, &image);
        return SKIFF_OK;
    }
    return answer(context, &image);
}

static int32_t fetch(const skiff_plugin *self, skiff_session *session, const skiff_transport_request *request,
                     const skiff_transport_image *image, int32_t target_fd) {
    static char buffer[1 << 16];
    const char *uri = request->uri;
    const skiff_host_progress *progress = host->get_extension(host, SKIFF_HOST_PROGRESS);
    struct stat found;
    int file, round, is_part = is(uri, "short") || is(uri, "truncated");
    off_t rest;
    (void)self, (void)image;
    if (is(uri, "hang-open")) hang();
    if (is(uri, "hang-child")) hang_in_child();
    /* Moves nothing for a time, and says so. */
    for (round = 0; is(uri, "patient") && round < 7; round++) {
        progress->report(session, "odd", 0, 0);
        rest_for(5);
    }
    if (is(uri, "crash-fetch")) abort();
    if (is(uri, "noisy")) printf("noise\n"), fflush(stdout);
    if (is(uri, "garbage")) return write(target_fd, "garbage", 7) == 7 ? SKIFF_OK : SKIFF_E_SYSTEM;
    file = open(variable(session, "ODD_IMAGE"), O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &found) < 0) {
        host->fail(host, SKIFF_E_SYSTEM, errno, "cannot read ODD_IMAGE");
        return SKIFF_E_SYSTEM;
    }
    rest = is_part ? found.st_size / 2 : found.st_size;
    while (rest > 0) {
        ssize_t count = read(file, buffer, rest < (off_t)sizeof buffer ? (size_t)rest : sizeof buffer);
        if (count <= 0 || write(target_fd, buffer, (size_t)count) != count) return SKIFF_E_SYSTEM;
        rest -= count;
        progress->report(session, "odd", (uint64_t)(found.st_size - rest), (uint64_t)found.st_size);
        if (is(uri, "hang")) hang();
    }
    /* Says nothing for a time, and moves something. */
    for (round = 0; is(uri, "slow") && round < 7; round++) {
        if (pread(file, buffer, 1, 0) != 1) return SKIFF_E_SYSTEM;
        rest_for(5);
    }
    close(file);
    if (is(uri, "hang-close")) hang();
    return SKIFF_OK;
}

static int32_t push(const skiff_plugin *self, skiff_session *session, const skiff_transport_upload *upload) {
    (void)self;
    if (is_vault(upload->uri)) borrow(session);
    if (is(upload->uri, "crash")) raise(SIGSEGV);
    if (is(upload->uri, "hang")) hang();
    if (is(upload->uri, DECLINES)) return SKIFF_DECLINED;
    host->fail(host, SKIFF_E_DENIED, 0, "cannot push to the odd thing");
    return SKIFF_E_DENIED;
}

static const skiff_transport complete = {sizeof(skiff_transport), 0, resolve, fetch, push};
static skiff_transport transport;

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    return strcmp(id, SKIFF_EXT_TRANSPORT) == 0 ? &transport : NULL;
}

static const skiff_plugin plugin = {
    sizeof(skiff_plugin), SKIFF_ABI_CURRENT, ID, "Odd", "1.0", "Apache-2.0", NULL, NULL, NULL, get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t host_abi, const skiff_host *given, const skiff_plugin **out) {
    (void)host_abi;
    host = given;
#ifdef HANGS
    hang();
#endif
    transport = complete;
    transport.fetch = FETCH;
    transport.push = PUSH;
    *out = &plugin;
    return SKIFF_OK;
}
