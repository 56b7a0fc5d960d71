#include "copenssl.h"
#include "library.h"

#include <limits.h>
#include <string.h>

int ce_sha256(const uint8_t *bytes, size_t count, uint8_t digest[32]) {
    unsigned made = 0;
    int done = ce_library.EVP_Digest(bytes, count, digest, &made, ce_library.EVP_sha256(), NULL) == 1 && made == 32;
    ce_library.ERR_clear_error();
    return done;
}

static const EVP_MD *algorithm(enum ce_hash hash) {
    switch (hash) {
    case CE_SHA1: return ce_library.EVP_sha1();
    case CE_SHA512: return ce_library.EVP_sha512();
    default: return ce_library.EVP_sha256();
    }
}

static size_t size_of(enum ce_hash hash) { return hash == CE_SHA1 ? 20 : hash == CE_SHA512 ? 64 : 32; }

int ce_pbkdf2(enum ce_hash hash, const uint8_t *secret, size_t count, const uint8_t *salt, size_t salt_count,
              uint32_t iterations, uint8_t *out, size_t wanted) {
    if (count > INT_MAX || salt_count > INT_MAX || iterations > INT_MAX || wanted > INT_MAX) return 0;
    int done = ce_library.PKCS5_PBKDF2_HMAC((const char *)secret, (int)count, salt, (int)salt_count, (int)iterations,
                                            algorithm(hash), (int)wanted, out) == 1;
    ce_library.ERR_clear_error();
    return done;
}

/* Replaces each piece by the digest of its number and itself; of that of the last one only as much as there is room for. */
static int diffuse(EVP_MD_CTX *context, enum ce_hash hash, uint8_t *bytes, size_t count) {
    const size_t size = size_of(hash);
    for (size_t start = 0; start < count; start += size) {
        size_t piece = count - start < size ? count - start : size;
        uint32_t number = (uint32_t)(start / size);
        uint8_t prefix[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
        uint8_t digest[64];
        unsigned made = 0;
        /* The algorithm is chosen once. */
        if (ce_library.EVP_DigestInit_ex(context, NULL, NULL) != 1 || ce_library.EVP_DigestUpdate(context, prefix, 4) != 1 ||
            ce_library.EVP_DigestUpdate(context, bytes + start, piece) != 1 ||
            ce_library.EVP_DigestFinal_ex(context, digest, &made) != 1 || made != size)
            return 0;
        memcpy(bytes + start, digest, piece);
        explicit_bzero(digest, sizeof digest);
    }
    return 1;
}

int ce_merge_stripes(enum ce_hash hash, const uint8_t *material, size_t stripes, int is_last, uint8_t *key, size_t count) {
    EVP_MD_CTX *context = ce_library.EVP_MD_CTX_new();
    int done = context && ce_library.EVP_DigestInit_ex(context, algorithm(hash), NULL) == 1;
    for (size_t stripe = 0; stripe < stripes && done; stripe++) {
        for (size_t i = 0; i < count; i++) key[i] ^= material[stripe * count + i];
        if (!is_last || stripe + 1 < stripes) done = diffuse(context, hash, key, count);
    }
    ce_library.EVP_MD_CTX_free(context);
    ce_library.ERR_clear_error();
    return done;
}
