/* SHA-256, and MD5 where an old interface wants it, by OpenSSL's libcrypto, in pieces. */
#ifndef SKIFF_CDIGEST_H
#define SKIFF_CDIGEST_H

#include <stddef.h>

/* Opaque; NULL when there is no memory or no such digest. */
typedef struct evp_md_ctx_st skl_digest;

skl_digest *skl_sha256_new(void);
skl_digest *skl_md5_new(void);
/* 1 for success, like OpenSSL. */
int skl_digest_update(skl_digest *digest, const void *bytes, size_t count);
/* Writes 32 bytes, of MD5 16; the digest cannot be updated after it. */
int skl_digest_finish(skl_digest *digest, unsigned char *out);
void skl_digest_free(skl_digest *digest);

#endif
