#include "cdigest.h"

#include <openssl/evp.h>

_Static_assert(SKL_DIGEST_LONGEST >= EVP_MAX_MD_SIZE, "room for every digest");

static const EVP_MD *algorithm(enum skl_digest_kind kind) {
    switch (kind) {
    case SKL_DIGEST_MD5: return EVP_md5();
    case SKL_DIGEST_SHA224: return EVP_sha224();
    case SKL_DIGEST_SHA256: return EVP_sha256();
    case SKL_DIGEST_SHA384: return EVP_sha384();
    case SKL_DIGEST_SHA512: return EVP_sha512();
    case SKL_DIGEST_SHA512_224: return EVP_sha512_224();
    case SKL_DIGEST_SHA512_256: return EVP_sha512_256();
    }
    return NULL;
}

skl_digest *skl_digest_new(enum skl_digest_kind kind) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_DigestInit_ex(context, algorithm(kind), NULL) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    return context;
}

int skl_digest_update(skl_digest *digest, const void *bytes, size_t count) {
    return EVP_DigestUpdate(digest, bytes, count);
}

int skl_digest_finish(skl_digest *digest, unsigned char out[SKL_DIGEST_LONGEST]) {
    return EVP_DigestFinal_ex(digest, out, NULL);
}

void skl_digest_free(skl_digest *digest) { EVP_MD_CTX_free(digest); }
