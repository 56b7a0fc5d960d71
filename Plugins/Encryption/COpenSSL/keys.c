#include "copenssl.h"
#include "library.h"

static EVP_PKEY *read_public(const uint8_t *der, long count) {
    const uint8_t *end = der;
    EVP_PKEY *key = ce_library.d2i_PublicKey(EVP_PKEY_RSA, NULL, &end, count);
    if (key && end == der + count) return key;
    ce_library.EVP_PKEY_free(key);
    end = der;
    key = ce_library.d2i_PUBKEY(NULL, &end, count);
    if (key && end == der + count) return key;
    ce_library.EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *read_private(const uint8_t *der, long count) {
    const uint8_t *end = der;
    EVP_PKEY *key = ce_library.d2i_AutoPrivateKey(NULL, &end, count);
    if (key && end == der + count) return key;
    ce_library.EVP_PKEY_free(key);
    return NULL;
}

ce_rsa *ce_rsa_read(enum ce_rsa_form form, const uint8_t *der, size_t count) {
    if (count > 1 << 20) return NULL;
    EVP_PKEY *key = form == CE_RSA_PUBLIC ? read_public(der, (long)count) : read_private(der, (long)count);
    ce_library.ERR_clear_error();
    if (key && ce_library.EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) return key;
    ce_library.EVP_PKEY_free(key);
    return NULL;
}

void ce_rsa_free(ce_rsa *key) { ce_library.EVP_PKEY_free(key); }

int ce_rsa_bits(const ce_rsa *key) { return ce_library.EVP_PKEY_get_bits(key); }

static int choose_padding(EVP_PKEY_CTX *context) {
    return ce_library.EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
        ce_library.EVP_PKEY_CTX_set_rsa_oaep_md(context, ce_library.EVP_sha256()) > 0 &&
        ce_library.EVP_PKEY_CTX_set_rsa_mgf1_md(context, ce_library.EVP_sha256()) > 0;
}

int ce_rsa_encrypt(ce_rsa *key, const uint8_t *in, size_t count, uint8_t *out, size_t *made) {
    EVP_PKEY_CTX *context = ce_library.EVP_PKEY_CTX_new(key, NULL);
    int done = context && ce_library.EVP_PKEY_encrypt_init(context) > 0 && choose_padding(context) &&
        ce_library.EVP_PKEY_encrypt(context, out, made, in, count) > 0;
    ce_library.EVP_PKEY_CTX_free(context);
    ce_library.ERR_clear_error();
    return done;
}

int ce_rsa_decrypt(ce_rsa *key, const uint8_t *in, size_t count, uint8_t *out, size_t *made) {
    EVP_PKEY_CTX *context = ce_library.EVP_PKEY_CTX_new(key, NULL);
    int done = context && ce_library.EVP_PKEY_decrypt_init(context) > 0 && choose_padding(context) &&
        ce_library.EVP_PKEY_decrypt(context, out, made, in, count) > 0;
    ce_library.EVP_PKEY_CTX_free(context);
    ce_library.ERR_clear_error();
    return done;
}

int ce_scrypt(const uint8_t *secret, size_t count, const uint8_t *salt, size_t salt_count, uint64_t n, uint64_t r,
              uint64_t p, uint64_t most, uint8_t *out, size_t wanted) {
    int done = ce_library.EVP_PBE_scrypt((const char *)secret, count, salt, salt_count, n, r, p, most, out, wanted) == 1;
    ce_library.ERR_clear_error();
    return done;
}

int ce_hkdf(const uint8_t *secret, size_t count, const char *info, uint8_t *out, size_t wanted) {
    EVP_KDF *kind = ce_library.EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kind ? ce_library.EVP_KDF_CTX_new(kind) : NULL;
    size_t length = 0;
    while (info[length]) length++;
    OSSL_PARAM parameters[] = {
        ce_library.OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA2-256", 0),
        ce_library.OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, count),
        ce_library.OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, length),
        ce_library.OSSL_PARAM_construct_end(),
    };
    int done = context && ce_library.EVP_KDF_derive(context, out, wanted, parameters) == 1;
    ce_library.EVP_KDF_CTX_free(context);
    ce_library.EVP_KDF_free(kind);
    ce_library.ERR_clear_error();
    return done;
}
