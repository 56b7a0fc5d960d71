#include "copenssl.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"

/* Contexts on a cache line each: threads that work side by side do not wait for each other's. */
typedef struct {
    _Alignas(64) atomic_flag is_taken;
    EVP_CIPHER_CTX *context;
} slot;

struct ce_cipher {
    unsigned count;
    int encrypts;
    slot *slots;
};

static EVP_CIPHER_CTX *make_context(enum ce_cipher_kind kind, const uint8_t *key) {
    int encrypts = kind == CE_XTS_ENCRYPT || kind == CE_GCM_ENCRYPT;
    int counts = kind == CE_GCM_ENCRYPT || kind == CE_GCM_DECRYPT;
    EVP_CIPHER_CTX *context = ce_library.EVP_CIPHER_CTX_new();
    const EVP_CIPHER *algorithm = counts ? ce_library.EVP_aes_256_gcm()
        : kind == CE_XTS_SHORT_DECRYPT   ? ce_library.EVP_aes_128_xts()
                                         : ce_library.EVP_aes_256_xts();
    if (context && ce_library.EVP_CipherInit_ex(context, algorithm, NULL, NULL, NULL, encrypts) == 1 &&
        (!counts || ce_library.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, CE_GCM_IV, NULL) == 1) &&
        ce_library.EVP_CipherInit_ex(context, NULL, NULL, key, NULL, encrypts) == 1)
        return context;
    ce_library.EVP_CIPHER_CTX_free(context);
    ce_library.ERR_clear_error();
    return NULL;
}

ce_cipher *ce_cipher_new(enum ce_cipher_kind kind, const uint8_t *key, unsigned contexts) {
    if (contexts == 0 || contexts > CE_CIPHER_MOST_CONTEXTS) return NULL;
    ce_cipher *cipher = calloc(1, sizeof *cipher);
    if (!cipher) return NULL;
    cipher->encrypts = kind == CE_XTS_ENCRYPT || kind == CE_GCM_ENCRYPT;
    cipher->slots = aligned_alloc(_Alignof(slot), contexts * sizeof(slot));
    if (!cipher->slots) {
        free(cipher);
        return NULL;
    }
    for (; cipher->count < contexts; cipher->count++) {
        slot *next = &cipher->slots[cipher->count];
        atomic_flag_clear(&next->is_taken);
        next->context = make_context(kind, key);
        if (!next->context) {
            ce_cipher_free(cipher);
            return NULL;
        }
    }
    return cipher;
}

void ce_cipher_free(ce_cipher *cipher) {
    if (!cipher) return;
    for (unsigned i = 0; i < cipher->count; i++) ce_library.EVP_CIPHER_CTX_free(cipher->slots[i].context);
    free(cipher->slots);
    free(cipher);
}

static slot *take(ce_cipher *cipher) {
    for (unsigned next = 0;; next++) {
        slot *candidate = &cipher->slots[next % cipher->count];
        if (!atomic_flag_test_and_set_explicit(&candidate->is_taken, memory_order_acquire)) return candidate;
        if (next % cipher->count == cipher->count - 1) sched_yield();
    }
}

static void give_back(slot *used) { atomic_flag_clear_explicit(&used->is_taken, memory_order_release); }

int ce_xts(ce_cipher *cipher, uint64_t unit, size_t sector, const uint8_t *in, uint8_t *out, size_t count) {
    if (sector == 0 || sector % 512 != 0 || sector > INT_MAX || count % sector != 0) return 0;
    slot *used = take(cipher);
    int done = 1;
    for (size_t start = 0; start < count && done; start += sector) {
        uint8_t tweak[16] = {0};
        for (unsigned i = 0; i < 8; i++) tweak[i] = (uint8_t)(unit >> 8 * i);
        int made = 0;
        done = ce_library.EVP_CipherInit_ex(used->context, NULL, NULL, NULL, tweak, -1) == 1 &&
            ce_library.EVP_CipherUpdate(used->context, out + start, &made, in + start, (int)sector) == 1 &&
            (size_t)made == sector;
        unit += sector / 512;
    }
    give_back(used);
    return done;
}

static int run_gcm(ce_cipher *cipher, EVP_CIPHER_CTX *context, const uint8_t *iv, const uint8_t *more, size_t more_count,
                   const uint8_t *in, uint8_t *out, size_t count, uint8_t *tag) {
    int made = 0;
    uint8_t rest[16];
    if (ce_library.EVP_CipherInit_ex(context, NULL, NULL, NULL, iv, -1) != 1) return 0;
    if (!cipher->encrypts && ce_library.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CE_GCM_TAG, tag) != 1) return 0;
    if (ce_library.EVP_CipherUpdate(context, NULL, &made, more, (int)more_count) != 1) return 0;
    if (count > 0 && ce_library.EVP_CipherUpdate(context, out, &made, in, (int)count) != 1) return 0;
    if (ce_library.EVP_CipherFinal_ex(context, rest, &made) != 1) return 0;
    return !cipher->encrypts || ce_library.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CE_GCM_TAG, tag) == 1;
}

int ce_gcm(ce_cipher *cipher, const uint8_t iv[CE_GCM_IV], const uint8_t *more, size_t more_count, const uint8_t *in,
           uint8_t *out, size_t count, uint8_t tag[CE_GCM_TAG]) {
    if (count > INT_MAX || more_count > INT_MAX) return 0;
    slot *used = take(cipher);
    int done = run_gcm(cipher, used->context, iv, more, more_count, in, out, count, tag);
    give_back(used);
    if (!done) memset(out, 0, count);
    return done;
}
