#include "cdigest.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>

_Static_assert(SKL_DIGEST_LONGEST >= EVP_MAX_MD_SIZE, "room for every digest");

#define FUNCTIONS(FUNCTION) \
    FUNCTION(EVP_md5) \
    FUNCTION(EVP_sha224) \
    FUNCTION(EVP_sha256) \
    FUNCTION(EVP_sha384) \
    FUNCTION(EVP_sha512) \
    FUNCTION(EVP_sha512_224) \
    FUNCTION(EVP_sha512_256) \
    FUNCTION(EVP_MD_CTX_new) \
    FUNCTION(EVP_MD_CTX_free) \
    FUNCTION(EVP_DigestInit_ex) \
    FUNCTION(EVP_DigestUpdate) \
    FUNCTION(EVP_DigestFinal_ex)

static struct {
#define FUNCTION(name) __typeof__(name) *name;
    FUNCTIONS(FUNCTION)
#undef FUNCTION
} library;

static int is_open;

static void open_library(void) {
    void *handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
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
    is_open = 1;
}

int skl_digest_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return is_open;
}

static const EVP_MD *algorithm(enum skl_digest_kind kind) {
    switch (kind) {
    case SKL_DIGEST_MD5: return library.EVP_md5();
    case SKL_DIGEST_SHA224: return library.EVP_sha224();
    case SKL_DIGEST_SHA256: return library.EVP_sha256();
    case SKL_DIGEST_SHA384: return library.EVP_sha384();
    case SKL_DIGEST_SHA512: return library.EVP_sha512();
    case SKL_DIGEST_SHA512_224: return library.EVP_sha512_224();
    case SKL_DIGEST_SHA512_256: return library.EVP_sha512_256();
    }
    return NULL;
}

skl_digest *skl_digest_new(enum skl_digest_kind kind) {
    if (!skl_digest_open()) return NULL;
    EVP_MD_CTX *context = library.EVP_MD_CTX_new();
    if (context && library.EVP_DigestInit_ex(context, algorithm(kind), NULL) != 1) {
        library.EVP_MD_CTX_free(context);
        context = NULL;
    }
    return context;
}

int skl_digest_update(skl_digest *digest, const void *bytes, size_t count) {
    return library.EVP_DigestUpdate(digest, bytes, count);
}

int skl_digest_finish(skl_digest *digest, unsigned char out[SKL_DIGEST_LONGEST]) {
    return library.EVP_DigestFinal_ex(digest, out, NULL);
}

void skl_digest_free(skl_digest *digest) { library.EVP_MD_CTX_free(digest); }
