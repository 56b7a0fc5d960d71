/* The functions of libcrypto that are used here. */
#ifndef SKIFF_COPENSSL_LIBRARY_H
#define SKIFF_COPENSSL_LIBRARY_H

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define CE_FUNCTIONS(FUNCTION) \
    FUNCTION(CRYPTO_set_mem_functions) \
    FUNCTION(ERR_clear_error) \
    FUNCTION(EVP_CIPHER_CTX_ctrl) \
    FUNCTION(EVP_CIPHER_CTX_free) \
    FUNCTION(EVP_CIPHER_CTX_new) \
    FUNCTION(EVP_CipherFinal_ex) \
    FUNCTION(EVP_CipherInit_ex) \
    FUNCTION(EVP_CipherUpdate) \
    FUNCTION(EVP_Digest) \
    FUNCTION(EVP_DigestFinal_ex) \
    FUNCTION(EVP_DigestInit_ex) \
    FUNCTION(EVP_DigestUpdate) \
    FUNCTION(EVP_KDF_CTX_free) \
    FUNCTION(EVP_KDF_CTX_new) \
    FUNCTION(EVP_KDF_derive) \
    FUNCTION(EVP_KDF_fetch) \
    FUNCTION(EVP_KDF_free) \
    FUNCTION(EVP_MD_CTX_free) \
    FUNCTION(EVP_MD_CTX_new) \
    FUNCTION(EVP_PBE_scrypt) \
    FUNCTION(EVP_PKEY_CTX_free) \
    FUNCTION(EVP_PKEY_CTX_new) \
    FUNCTION(EVP_PKEY_CTX_set_rsa_mgf1_md) \
    FUNCTION(EVP_PKEY_CTX_set_rsa_oaep_md) \
    FUNCTION(EVP_PKEY_CTX_set_rsa_padding) \
    FUNCTION(EVP_PKEY_decrypt) \
    FUNCTION(EVP_PKEY_decrypt_init) \
    FUNCTION(EVP_PKEY_encrypt) \
    FUNCTION(EVP_PKEY_encrypt_init) \
    FUNCTION(EVP_PKEY_free) \
    FUNCTION(EVP_PKEY_get_base_id) \
    FUNCTION(EVP_PKEY_get_bits) \
    FUNCTION(EVP_aes_128_xts) \
    FUNCTION(EVP_aes_256_gcm) \
    FUNCTION(EVP_aes_256_xts) \
    FUNCTION(EVP_sha1) \
    FUNCTION(EVP_sha256) \
    FUNCTION(EVP_sha512) \
    FUNCTION(OPENSSL_init_crypto) \
    FUNCTION(OSSL_PARAM_construct_end) \
    FUNCTION(OSSL_PARAM_construct_octet_string) \
    FUNCTION(OSSL_PARAM_construct_utf8_string) \
    FUNCTION(PKCS5_PBKDF2_HMAC) \
    FUNCTION(d2i_AutoPrivateKey) \
    FUNCTION(d2i_PUBKEY) \
    FUNCTION(d2i_PublicKey)

struct ce_library {
#define FUNCTION(name) __typeof__(name) *name;
    CE_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

extern struct ce_library ce_library;

/* Has libcrypto use memory that no core file has. */
void ce_take_memory_over(void);

#endif
