#include "cdigest.h"

#include <openssl/evp.h>

skl_digest *skl_sha256_new(void) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    return context;
}

int skl_digest_update(skl_digest *digest, const void *bytes, size_t count) {
    return EVP_DigestUpdate(digest, bytes, count);
}

int skl_sha256_finish(skl_digest *digest, unsigned char *out) { return EVP_DigestFinal_ex(digest, out, NULL); }

void skl_digest_free(skl_digest *digest) { EVP_MD_CTX_free(digest); }
