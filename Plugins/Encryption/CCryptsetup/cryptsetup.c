#include "ccryptsetup.h"

#include <dlfcn.h>
#include <errno.h>
#include <libcryptsetup.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define FUNCTIONS(FUNCTION) \
    FUNCTION(crypt_format) \
    FUNCTION(crypt_free) \
    FUNCTION(crypt_init) \
    FUNCTION(crypt_keyslot_add_by_volume_key) \
    FUNCTION(crypt_keyslot_destroy) \
    FUNCTION(crypt_load) \
    FUNCTION(crypt_metadata_locking) \
    FUNCTION(crypt_set_data_offset) \
    FUNCTION(crypt_set_log_callback) \
    FUNCTION(crypt_set_metadata_size) \
    FUNCTION(crypt_set_pbkdf_type) \
    FUNCTION(crypt_volume_key_get)

static struct {
#define FUNCTION(name) __typeof__(name) *name;
    FUNCTIONS(FUNCTION)
#undef FUNCTION
} library;

static int is_open;
static _Thread_local char reason[256];

static void note(int level, const char *text, void *context) {
    (void)context;
    if (level != CRYPT_LOG_ERROR) return;
    snprintf(reason, sizeof reason, "%s", text);
    for (char *next = reason; *next; next++)
        if (*next == '\n') *next = next[1] ? ' ' : 0;
}

static void open_library(void) {
    void *handle = dlopen("libcryptsetup.so.12", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    const struct {
        const char *name;
        void **place;
    } symbols[] = {
#define FUNCTION(name) {#name, (void **)&library.name},
        FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (!(*symbols[i].place = dlsym(handle, symbols[i].name))) return;
    library.crypt_set_log_callback(NULL, note, NULL);
    /* Nobody else has these files: a lock would need a directory of root. */
    if (library.crypt_metadata_locking(NULL, 0) != 0) return;
    is_open = 1;
}

int cl_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return is_open;
}

const char *cl_reason(void) { return reason; }

cl_header *cl_header_open(int fd) {
    char path[32];
    struct crypt_device *device = NULL;
    reason[0] = 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int status = library.crypt_init(&device, path);
    if (status == 0) return device;
    errno = -status;
    return NULL;
}

void cl_header_close(cl_header *header) { library.crypt_free(header); }

/* Nothing is measured: a slot opens anywhere as fast as it was meant to. */
static struct crypt_pbkdf_type derivation(const cl_costs *costs) {
    return (struct crypt_pbkdf_type){
        .type = CRYPT_KDF_ARGON2ID, .hash = "sha256", .iterations = costs->passes, .max_memory_kb = costs->memory,
        .parallel_threads = costs->lanes, .flags = CRYPT_PBKDF_NO_BENCHMARK};
}

int cl_format(cl_header *header, const uint8_t *key, size_t count, uint64_t data_offset) {
    const cl_costs least = {.memory = 32, .passes = 4, .lanes = 1};
    struct crypt_pbkdf_type kind = derivation(&least);
    struct crypt_params_luks2 parameters = {.pbkdf = &kind, .sector_size = 512};
    const uint64_t metadata = 16384;
    if (data_offset <= 2 * metadata || data_offset % 4096 != 0) return -EINVAL;
    int status = library.crypt_set_data_offset(header, data_offset / 512);
    if (status == 0) status = library.crypt_set_metadata_size(header, metadata, data_offset - 2 * metadata);
    if (status == 0)
        status = library.crypt_format(header, CRYPT_LUKS2, "aes", "xts-plain64", NULL, (const char *)key, count, &parameters);
    return status < 0 ? status : 0;
}

int cl_load(cl_header *header) { return library.crypt_load(header, CRYPT_LUKS2, NULL); }

int cl_add(cl_header *header, int slot, const uint8_t *key, size_t count, const uint8_t *secret, size_t secret_count,
           const cl_costs *costs) {
    struct crypt_pbkdf_type kind = derivation(costs);
    int status = library.crypt_set_pbkdf_type(header, &kind);
    if (status < 0) return status;
    return library.crypt_keyslot_add_by_volume_key(
        header, slot, (const char *)key, count, (const char *)secret, secret_count);
}

int cl_remove(cl_header *header, int slot) { return library.crypt_keyslot_destroy(header, slot); }

int cl_unlock(cl_header *header, int slot, const uint8_t *secret, size_t secret_count, uint8_t *key, size_t *count) {
    return library.crypt_volume_key_get(header, slot, (char *)key, count, (const char *)secret, secret_count);
}
