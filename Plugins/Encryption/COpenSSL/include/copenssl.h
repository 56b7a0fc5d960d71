/* Ciphers, key derivation and RSA by OpenSSL's libcrypto, which is opened at the first use, and memory for secrets. */
#ifndef SKIFF_COPENSSL_H
#define SKIFF_COPENSSL_H

#include <stddef.h>
#include <stdint.h>

/* 0 when libcrypto.so.3 cannot be opened. Every other function of this library needs it to have been 1. */
int ce_open(void);
/* The same where nobody else in the process uses libcrypto: it does not read its configuration, which takes as long as opening it. */
int ce_open_alone(void);

/* Memory for secrets, in pages of its own: not in core dumps, and not in swap where RLIMIT_MEMLOCK allows that, which
 * is_locked tells. NULL with errno. */
void *ce_secret_allocate(size_t count, int *is_locked);
/* Wipes it, too. */
void ce_secret_free(void *secret, size_t count);
/* environ(7). */
const char *const *ce_environment(void);
/* Zeros that the compiler does not leave out. */
void ce_wipe(void *bytes, size_t count);
/* getrandom(2). 1 for success. */
int ce_random(void *bytes, size_t count);

/* 1 for success. */
int ce_sha256(const uint8_t *bytes, size_t count, uint8_t digest[32]);

enum ce_hash { CE_SHA1, CE_SHA256, CE_SHA512 };

/* RFC 8018. 1 for success. */
int ce_pbkdf2(enum ce_hash hash, const uint8_t *secret, size_t count, const uint8_t *salt, size_t salt_count,
              uint32_t iterations, uint8_t *out, size_t wanted);
/* Merges a key that was split into stripes, each as long as the key, which begins as zeros: "LUKS On-Disk Format Specification 1.2.3",
 * §2.4. Stripes may come in several calls, the last of which says so. 1 for success. */
int ce_merge_stripes(enum ce_hash hash, const uint8_t *material, size_t stripes, int is_last, uint8_t *key, size_t count);

/* An RSA key. */
typedef struct evp_pkey_st ce_rsa;

enum ce_rsa_form {
    CE_RSA_PUBLIC, /* RSAPublicKey of PKCS#1, or SubjectPublicKeyInfo */
    CE_RSA_PRIVATE /* RSAPrivateKey of PKCS#1, or PrivateKeyInfo of PKCS#8 */
};

/* NULL when the bytes are no such key, or more than one. */
ce_rsa *ce_rsa_read(enum ce_rsa_form form, const uint8_t *der, size_t count);
void ce_rsa_free(ce_rsa *key);
/* Of the modulus, in bits. */
int ce_rsa_bits(const ce_rsa *key);
/* RSA-OAEP with SHA-256, MGF1 with SHA-256, no label. *made: the room in out, then the bytes there. 1 for success. */
int ce_rsa_encrypt(ce_rsa *key, const uint8_t *in, size_t count, uint8_t *out, size_t *made);
int ce_rsa_decrypt(ce_rsa *key, const uint8_t *in, size_t count, uint8_t *out, size_t *made);

/* RFC 7914, with memory up to most bytes. 1 for success. */
int ce_scrypt(const uint8_t *secret, size_t count, const uint8_t *salt, size_t salt_count, uint64_t n, uint64_t r,
              uint64_t p, uint64_t most, uint8_t *out, size_t wanted);
/* RFC 5869 with SHA-256 and no salt. 1 for success. */
int ce_hkdf(const uint8_t *secret, size_t count, const char *info, uint8_t *out, size_t wanted);

/* A key with contexts for several threads at once; what is done with it allocates nothing. */
typedef struct ce_cipher ce_cipher;

enum ce_cipher_kind {
    CE_XTS_ENCRYPT, /* AES-256-XTS, keys of 64 bytes */
    CE_XTS_DECRYPT,
    CE_XTS_SHORT_DECRYPT, /* AES-128-XTS, keys of 32 bytes */
    CE_GCM_ENCRYPT, /* AES-256-GCM, keys of 32 bytes and IVs of 16 */
    CE_GCM_DECRYPT
};

enum { CE_XTS_KEY = 64, CE_XTS_SHORT_KEY = 32, CE_GCM_KEY = 32, CE_GCM_IV = 16, CE_GCM_TAG = 16, CE_CIPHER_MOST_CONTEXTS = 64 };

/* contexts: how many threads work at once; more of them wait for each other. NULL when the library refuses. */
ce_cipher *ce_cipher_new(enum ce_cipher_kind kind, const uint8_t *key, unsigned contexts);
/* Wipes the keys. */
void ce_cipher_free(ce_cipher *cipher);

/* Sectors of an XTS cipher, from in to out, which may be the same. count is a multiple of sector. The tweak counts 512 bytes, whatever
 * the sector's size: unit is that of the first sector. 1 for success. */
int ce_xts(ce_cipher *cipher, uint64_t unit, size_t sector, const uint8_t *in, uint8_t *out, size_t count);

/* One message of a GCM cipher, from in to out, which may be the same. The tag is written, or compared: 0 when it differs, and then
 * out is zero. */
int ce_gcm(ce_cipher *cipher, const uint8_t iv[CE_GCM_IV], const uint8_t *more, size_t more_count, const uint8_t *in,
           uint8_t *out, size_t count, uint8_t tag[CE_GCM_TAG]);

#endif
