#include "cdigest.h"

#include <openssl/evp.h>

static skl_digest *new(const EVP_MD *kind) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestInit_ex(context, kind, NULL) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    return context;
}

skl_digest *skl_sha256_new(void) { return new(EVP_sha256()); }
skl_digest *skl_md5_new(void) { return new(EVP_md5()); }

int skl_digest_update(skl_digest *digest, const void *bytes, size_t count) {
    return EVP_DigestUpdate(digest, bytes, count);
}

int skl_digest_finish(skl_digest *digest, unsigned char *out) { return EVP_DigestFinal_ex(digest, out, NULL); }

void skl_digest_free(skl_digest *digest) { EVP_MD_CTX_free(digest); }
