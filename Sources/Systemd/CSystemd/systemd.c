#include "csystemd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

static skl_bus library;
static int is_open;

static void open_library(void) {
    void *handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    const struct {
        const char *name;
        void **place;
    } symbols[] = {
#define FUNCTION(result, name, parameters) {"sd_bus_" #name, (void **)&library.name},
        SKL_BUS_FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (!(*symbols[i].place = dlsym(handle, symbols[i].name))) return;
    is_open = 1;
}

const skl_bus *skl_bus_library(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return is_open ? &library : NULL;
}
