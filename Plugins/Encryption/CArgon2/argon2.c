#include "cargon2.h"

#include <argon2.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

static __typeof__(argon2_ctx) *derive;

static void open_library(void) {
    void *handle = dlopen("libargon2.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle) derive = (__typeof__(derive))dlsym(handle, "argon2_ctx");
}

int ca_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return derive != NULL;
}

static int allocate(uint8_t **memory, size_t count) {
    void *place = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) return ENOMEM;
    if (madvise(place, count, MADV_DONTDUMP) != 0) {
        munmap(place, count);
        return ENOMEM;
    }
    /* Only fewer page faults, where the kernel has such pages. */
    madvise(place, count, MADV_HUGEPAGE);
    *memory = place;
    return 0;
}

/* The library has wiped it. */
static void release(uint8_t *memory, size_t count) { munmap(memory, count); }

int ca_derive(enum ca_kind kind, const struct ca_costs *costs, const uint8_t *secret, size_t count, const uint8_t *salt,
              size_t salt_count, uint8_t *out, size_t wanted) {
    if (count > UINT32_MAX || salt_count > UINT32_MAX || wanted > UINT32_MAX) return EINVAL;
    argon2_context context = {
        .out = out, .outlen = (uint32_t)wanted, .pwd = (uint8_t *)secret, .pwdlen = (uint32_t)count,
        .salt = (uint8_t *)salt, .saltlen = (uint32_t)salt_count, .t_cost = costs->passes, .m_cost = costs->memory,
        .lanes = costs->lanes, .threads = costs->lanes, .version = ARGON2_VERSION_13, .allocate_cbk = allocate,
        .free_cbk = release};
    switch (derive(&context, kind == CA_ARGON2I ? Argon2_i : Argon2_id)) {
    case ARGON2_OK: return 0;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
    case ARGON2_THREAD_FAIL: return ENOMEM;
    default: return EINVAL;
    }
}
