/* A plugin that opens and writes volumes that are encrypted by nothing but xor, by all of skiff.crypto/2. A volume begins with 512
 * bytes: "XORCRYPT", the size of the plain volume, and "right key" xored. A file IMAGE.fail says what goes wrong. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skiff/ext/crypto.h>
#include <skiff/host/secret.h>
#include <skiff/phases.h>

enum { HEAD = 512, KEY = 32 };

struct head {
    char magic[8];
    uint64_t size;
    char check[9];
};

struct skiff_crypto_volume {
    int fd;
    uint64_t offset, size;
    unsigned char key[KEY];
};

struct skiff_crypto_writer {
    int fd;
    uint64_t offset;
    unsigned char key[KEY];
};

static const skiff_host *host;

static int32_t fail(int32_t status, const char *message) {
    host->fail(host, status, 0, message);
    return status;
}

static void mix(const unsigned char *key, uint64_t offset, void *bytes, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) ((unsigned char *)bytes)[i] ^= key[(offset + i) % KEY];
}

/* What is to go wrong; nothing where nobody says so. */
static int wants(const char *path, const char *what) {
    char name[4096], line[64] = "";
    snprintf(name, sizeof name, "%s.fail", path);
    FILE *file = fopen(name, "r");
    if (!file) return 0;
    if (!fgets(line, sizeof line, file)) line[0] = 0;
    fclose(file);
    line[strcspn(line, "\n")] = 0;
    return strcmp(line, what) == 0;
}

static int32_t take(void *context, const void *bytes, uint64_t count) {
    if (count == 0) return fail(SKIFF_E_DENIED, "cannot use an empty key");
    for (unsigned i = 0; i < KEY; i++) ((unsigned char *)context)[i] = ((const unsigned char *)bytes)[i % count];
    return SKIFF_OK;
}

static int32_t borrow(skiff_session *session, unsigned char *key) {
    const skiff_host_secret *secret = host->get_extension(host, SKIFF_HOST_SECRET);
    int32_t status = secret->borrow(session, "pem", take, key);
    return status == SKIFF_DECLINED ? secret->borrow(session, "passphrase", take, key) : status;
}

static int32_t unlock(const skiff_plugin *self, skiff_session *session, const skiff_crypto_request *request) {
    const skiff_host_secret *secret = host->get_extension(host, SKIFF_HOST_SECRET);
    unsigned char key[KEY];
    struct head head;
    (void)self;
    if (pread(request->fd, &head, sizeof head, (off_t)request->offset) != sizeof head) return SKIFF_DECLINED;
    if (memcmp(head.magic, "XORCRYPT", 8) != 0) return SKIFF_DECLINED;
    if (wants(request->path, "declines")) return SKIFF_DECLINED;
    if (wants(request->path, "silent")) return SKIFF_E_SYSTEM;
    if (wants(request->path, "keeps-nothing")) return SKIFF_OK;
    if (wants(request->path, "crashes")) abort();
    int32_t status = borrow(session, key);
    if (status == SKIFF_DECLINED) return fail(SKIFF_E_DENIED, "cannot open the image: there is no key");
    if (status != SKIFF_OK) return status;
    mix(key, 0, head.check, sizeof head.check);
    if (memcmp(head.check, "right key", sizeof head.check) != 0)
        return fail(SKIFF_E_DENIED, "cannot open the image: the key does not fit\nTry another one");
    if (wants(request->path, "keeps-much")) {
        static char much[4097];
        return secret->keep(session, much, sizeof much);
    }
    status = secret->keep(session, key, sizeof key);
    if (status == SKIFF_OK && wants(request->path, "keeps-twice")) status = secret->keep(session, key, sizeof key);
    memset(key, 0, sizeof key);
    return status;
}

static int32_t resume(const skiff_plugin *self, const skiff_crypto_request *request, const void *kept, uint64_t count,
                      skiff_crypto_volume **out) {
    struct head head;
    (void)self;
    if (count != KEY || pread(request->fd, &head, sizeof head, (off_t)request->offset) != sizeof head)
        return fail(SKIFF_E_INVALID, "cannot read the head of the volume");
    if (head.size > request->size - HEAD) return fail(SKIFF_E_INVALID, "cannot read the volume: it is cut off");
    skiff_crypto_volume *volume = calloc(1, sizeof *volume);
    if (!volume) return fail(SKIFF_E_SYSTEM, "cannot find memory");
    volume->fd = request->fd;
    volume->offset = request->offset + HEAD;
    volume->size = head.size;
    memcpy(volume->key, kept, KEY);
    *out = volume;
    return SKIFF_OK;
}

static uint64_t volume_size(const skiff_plugin *self, const skiff_crypto_volume *volume) {
    (void)self;
    return volume->size;
}

static int32_t read_block(const skiff_plugin *self, const skiff_crypto_volume *volume, uint64_t offset, void *buffer,
                          uint64_t count) {
    (void)self;
    if (offset % 512 != 0 || count % 512 != 0 || offset + count > (volume->size + 511) / 512 * 512) return SKIFF_E_INVALID;
    ssize_t got = pread(volume->fd, buffer, count, (off_t)(volume->offset + offset));
    if (got < 0) return SKIFF_E_SYSTEM;
    mix(volume->key, offset, buffer, (uint64_t)got);
    memset((char *)buffer + got, 0, count - (uint64_t)got);
    return SKIFF_OK;
}

static void close_volume(const skiff_plugin *self, skiff_crypto_volume *volume) {
    (void)self;
    explicit_bzero(volume, sizeof *volume);
    free(volume);
}

static int32_t format(const skiff_plugin *self, skiff_session *session, const skiff_crypto_target *target,
                      skiff_crypto_format *answer, skiff_crypto_writer **out) {
    (void)self;
    if (target->filesystem > 5) return SKIFF_DECLINED;
    skiff_crypto_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return fail(SKIFF_E_SYSTEM, "cannot find memory");
    int32_t status = borrow(session, writer->key);
    if (status != SKIFF_OK) {
        free(writer);
        return status == SKIFF_DECLINED ? fail(SKIFF_E_INVALID, "cannot encrypt without a key") : status;
    }
    writer->fd = target->fd;
    writer->offset = target->offset;
    answer->filesystem = 5;
    answer->block_size = 4096;
    *out = writer;
    return SKIFF_OK;
}

static int32_t write_block(const skiff_plugin *self, skiff_crypto_writer *writer, uint64_t offset, const void *bytes,
                           uint64_t count) {
    (void)self;
    unsigned char *copy = malloc(count);
    if (!copy) return SKIFF_E_SYSTEM;
    memcpy(copy, bytes, count);
    mix(writer->key, offset, copy, count);
    ssize_t wrote = pwrite(writer->fd, copy, count, (off_t)(writer->offset + HEAD + offset));
    free(copy);
    return wrote == (ssize_t)count ? SKIFF_OK : SKIFF_E_SYSTEM;
}

static int32_t read_back(const skiff_plugin *self, skiff_crypto_writer *writer, uint64_t offset, void *buffer,
                         uint64_t count) {
    (void)self;
    ssize_t got = pread(writer->fd, buffer, count, (off_t)(writer->offset + HEAD + offset));
    if (got < 0) return SKIFF_E_SYSTEM;
    mix(writer->key, offset, buffer, (uint64_t)got);
    return got == (ssize_t)count ? SKIFF_OK : SKIFF_E_INVALID;
}

static void abort_writer(const skiff_plugin *self, skiff_crypto_writer *writer) {
    (void)self;
    explicit_bzero(writer, sizeof *writer);
    free(writer);
}

static int32_t finish(const skiff_plugin *self, skiff_session *session, skiff_crypto_writer *writer, uint64_t plain_size,
                      uint64_t *size) {
    unsigned char head[HEAD] = {0};
    struct head start = {.size = plain_size};
    (void)session;
    memcpy(start.magic, "XORCRYPT", 8);
    memcpy(start.check, "right key", 9);
    mix(writer->key, 0, start.check, sizeof start.check);
    memcpy(head, &start, sizeof start);
    int failed = pwrite(writer->fd, head, HEAD, (off_t)writer->offset) != HEAD;
    *size = HEAD + plain_size;
    abort_writer(self, writer);
    return failed ? fail(SKIFF_E_SYSTEM, "cannot write the head of the volume") : SKIFF_OK;
}

static const skiff_crypto crypto = {
    .struct_size = sizeof crypto, .unlock = unlock, .resume = resume, .volume_size = volume_size, .read_block = read_block,
    .close = close_volume, .format = format, .write_block = write_block, .finish = finish, .abort = abort_writer,
    .read_back = read_back,
};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    return strcmp(id, SKIFF_EXT_CRYPTO) == 0 ? &crypto : NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = ID, .name = ID, .version = "1.0", .license = "Apache-2.0",
    .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t host_abi, const skiff_host *given, const skiff_plugin **out) {
    if (host_abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
