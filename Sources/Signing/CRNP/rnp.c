#include "crnp.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include <rnp/rnp_err.h>

_Static_assert(RNP_ERROR_KEY_NOT_FOUND == 0x12000005, "librnp's errors");
_Static_assert(RNP_ERROR_SIGNATURE_INVALID == 0x12000002, "librnp's errors");
_Static_assert(RNP_ERROR_SIGNATURE_EXPIRED == 0x1200000B, "librnp's errors");

static skl_rnp library;
static int is_open;

static void open_library(void) {
    void *handle = dlopen("librnp.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    const struct {
        const char *name;
        void **place;
    } symbols[] = {
#define FUNCTION(name) {"rnp_" #name, (void **)&library.name},
        SKL_RNP_FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (!(*symbols[i].place = dlsym(handle, symbols[i].name))) return;
    is_open = 1;
}

const skl_rnp *skl_rnp_library(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return is_open ? &library : NULL;
}

/* glibc's standard streams are variables of the program, which it may set. */
static FILE *nowhere, *spoken;

void skl_rnp_silence(void) {
    if (!nowhere) nowhere = fopen("/dev/null", "we");
    spoken = stderr;
    if (nowhere) stderr = nowhere;
}

void skl_rnp_speak(void) { stderr = spoken; }
