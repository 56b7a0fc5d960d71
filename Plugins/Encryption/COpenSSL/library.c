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

int ce_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return is_open;
}
