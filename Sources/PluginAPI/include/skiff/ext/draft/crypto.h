/* skiff.crypto/1 (draft): encrypted images, given by the plugin.
 *
 * unlock runs in the command, where the user can be asked. The image server is another program: it loads the same
 * plugin, resumes from the bytes that unlock kept, and reads blocks beneath the squashfs reader. */
#ifndef SKIFF_EXT_CRYPTO_H
#define SKIFF_EXT_CRYPTO_H

#include "../../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_CRYPTO "skiff.crypto/1"

typedef struct skiff_crypto_request {
    uint32_t struct_size;
    int32_t fd; /* the image, borrowed */
    uint64_t offset;
    uint64_t size;
    const void *key_message; /* the SIF's wrapped key, or NULL */
    uint64_t key_message_size;
} skiff_crypto_request;

/* The plugin's own; made by resume, ended by close. */
typedef struct skiff_crypto_volume skiff_crypto_volume;

typedef struct skiff_crypto {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] during prepare. Takes the secret from skiff.host.secret/1 borrow, leaves what resume needs with keep.
     * SKIFF_DECLINED: not encrypted in a way that this plugin knows. */
    int32_t (*unlock)(const skiff_plugin *self, skiff_session *session, const skiff_crypto_request *request);
    /* [parent] of the image server, before its threads. kept is wiped when the call returns. */
    int32_t (*resume)(const skiff_plugin *self, const skiff_crypto_request *request, const void *kept,
                      uint64_t kept_size, skiff_crypto_volume **out);
    /* [any] The size in bytes of the plain volume. */
    uint64_t (*volume_size)(const skiff_plugin *self, const skiff_crypto_volume *volume);
    /* [any] Reads and decrypts count bytes at offset of the plain volume, both multiples of 512; several threads at
     * once. Allocates nothing. */
    int32_t (*read_block)(const skiff_plugin *self, const skiff_crypto_volume *volume, uint64_t offset, void *buffer,
                          uint64_t count);
    /* [parent] Wipes the keys. */
    void (*close)(const skiff_plugin *self, skiff_crypto_volume *volume);
} skiff_crypto;

SKIFF_END

#endif
