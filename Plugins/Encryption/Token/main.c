/* skiff-token: unwraps the secret of an image by a private key that lies in a token of PKCS#11, for the Encryption plugin. OpenSSL gets
 * the key by its provider for PKCS#11 where that is installed, and by libp11's engine otherwise. A program of its own: the library of
 * a token is code of a vendor, which must not meet the keys of other images, nor the memory of skiff.
 *
 *   skiff-token unwrap
 *     3  the URI of the key, RFC 7512, to its end
 *     4  secrets as they are wrapped for some keys: of each its size, 4 bytes, the lowest first, and its bytes; to the end
 *     5  where the number of the first that the key fits goes, 4 bytes, and its secret
 * Exit status: 0 done, 2 the key fits none of them, 3 OpenSSL has neither provider nor engine, 4 there is no such key, or its PIN is
 * wrong, 5 anything else. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <csecretprocess.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { URI = 3, WRAPPED = 4, SECRET = 5 };
enum { DONE = 0, MISFIT = 2, NO_TOKENS = 3, NO_KEY = 4, FAILED = 5 };
enum { LONGEST_URI = 4096, LONGEST_WRAPPED = 1 << 18, LONGEST_SECRET = 1 << 16 };

static struct {
    char uri[LONGEST_URI];
    uint8_t wrapped[LONGEST_WRAPPED];
    uint8_t secret[LONGEST_SECRET];
} *memory;

static ENGINE *engine;

/* Nobody can be asked for a PIN: the URI has it, or leads to it. */
static EVP_PKEY *of_provider(const char *uri) {
    EVP_PKEY *key = NULL;
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, UI_null(), NULL, NULL, NULL);
    if (!store) return NULL;
    OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (!key && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return key;
}

static int find_key(const char *uri, EVP_PKEY **key) {
    if (OSSL_PROVIDER_try_load(NULL, "pkcs11", 1) && OSSL_PROVIDER_load(NULL, "default")) {
        *key = of_provider(uri);
        return *key ? DONE : NO_KEY;
    }
    ERR_clear_error();
    engine = ENGINE_by_id("pkcs11");
    if (!engine || !ENGINE_init(engine)) return NO_TOKENS;
    *key = ENGINE_load_private_key(engine, uri, (UI_METHOD *)UI_null(), NULL);
    return *key ? DONE : NO_KEY;
}

/* OAEP with SHA-256 in both places, block by block, as the plugin wraps. Returns the size of the secret, or -1. */
static ssize_t unwrap(EVP_PKEY *key, const uint8_t *wrapped, size_t count) {
    size_t size = (size_t)EVP_PKEY_get_size(key), made = 0;
    if (count == 0 || size == 0 || count % size != 0 || count / size > 16) return -1;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, engine);
    int fits = context && EVP_PKEY_decrypt_init(context) > 0 &&
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
        EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0;
    for (size_t at = 0; fits && at < count; at += size) {
        size_t room = LONGEST_SECRET - made;
        fits = EVP_PKEY_decrypt(context, memory->secret + made, &room, wrapped + at, size) > 0;
        if (fits) made += room;
    }
    EVP_PKEY_CTX_free(context);
    return fits ? (ssize_t)made : -1;
}

static int try_all(EVP_PKEY *key, size_t count) {
    uint8_t number[4] = {0};
    for (size_t at = 0; count - at >= 4; number[0]++) {
        const uint8_t *head = memory->wrapped + at;
        size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        if (size > count - at - 4) return FAILED;
        ssize_t made = unwrap(key, head + 4, size);
        if (made >= 0) {
            int is_told = write_all(SECRET, number, sizeof number) == 0 && write_all(SECRET, memory->secret, (size_t)made) == 0;
            return is_told ? DONE : FAILED;
        }
        at += 4 + size;
    }
    return MISFIT;
}

int main(int count, char **words) {
    if (count != 2 || strcmp(words[1], "unwrap") != 0) {
        fputs("skiff-token is started by skiff only\n", stderr);
        return FAILED;
    }
    if (hide_process() != 0) return FAILED;
    memory = secret_memory(sizeof *memory);
    if (!memory) return FAILED;
    /* The plugin has warned where nothing more can be locked. */
    (void)mlock(memory->secret, 4096);
    (void)mlock(memory->uri, sizeof memory->uri);
    ssize_t uri = read_all(URI, memory->uri, LONGEST_URI - 1), wrapped = read_all(WRAPPED, memory->wrapped, LONGEST_WRAPPED);
    EVP_PKEY *key = NULL;
    int status = uri <= 0 || wrapped < 0 ? FAILED : find_key(memory->uri, &key);
    if (key) status = try_all(key, (size_t)wrapped);
    explicit_bzero(memory, sizeof *memory);
    /* The library of the token may have threads of its own; nothing of it is needed to end. */
    _exit(status);
}
