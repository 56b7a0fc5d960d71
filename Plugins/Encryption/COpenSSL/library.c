#include "copenssl.h"

#include <dlfcn.h>
#include <pthread.h>

#include "library.h"

struct ce_library ce_library;
static int is_open;

static void open_library(void) {
    void *handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    const struct {
        const char *name;
        void **place;
    } symbols[] = {
#define FUNCTION(name) {#name, (void **)&ce_library.name},
        CE_FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (!(*symbols[i].place = dlsym(handle, symbols[i].name))) return;
    ce_take_memory_over();
    is_open = 1;
}

static void open_alone(void) {
    open_library();
    /* An error is one of the first use, too. */
    if (is_open) (void)ce_library.OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
}

static int open_once(void (*open)(void)) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open);
    return is_open;
}

int ce_open(void) { return open_once(open_library); }

int ce_open_alone(void) { return open_once(open_alone); }
