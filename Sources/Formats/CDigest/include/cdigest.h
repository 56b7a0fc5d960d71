/* Digests by OpenSSL's libcrypto, in pieces. The library is opened at the first digest. */
#ifndef SKIFF_CDIGEST_H
#define SKIFF_CDIGEST_H

#include <stddef.h>

enum skl_digest_kind {
    SKL_DIGEST_MD5, /* where an old interface wants it */
    SKL_DIGEST_SHA224,
    SKL_DIGEST_SHA256,
    SKL_DIGEST_SHA384,
    SKL_DIGEST_SHA512,
    SKL_DIGEST_SHA512_224,
    SKL_DIGEST_SHA512_256
};

/* The longest digest, in bytes. */
enum { SKL_DIGEST_LONGEST = 64 };

/* Opaque; NULL when there is no library, no memory or no such digest. */
typedef struct evp_md_ctx_st skl_digest;

/* 0 when libcrypto.so.3 cannot be opened. */
int skl_digest_open(void);
skl_digest *skl_digest_new(enum skl_digest_kind kind);
/* 1 for success, like OpenSSL. */
int skl_digest_update(skl_digest *digest, const void *bytes, size_t count);
/* Writes the digest; it cannot be updated after it. */
int skl_digest_finish(skl_digest *digest, unsigned char out[SKL_DIGEST_LONGEST]);
void skl_digest_free(skl_digest *digest);

#endif
