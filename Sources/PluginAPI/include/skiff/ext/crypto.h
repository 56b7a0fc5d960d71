/* skiff.crypto/2: encrypted file systems of images, opened and written by the plugin.
 *
 * Opening  unlock runs in the command, where the user can be asked, and leaves what it found with keep. The image server
 *   is another program: it loads the same plugin, resumes from the bytes that were kept, and reads blocks beneath the
 *   squashfs reader; a build that has such an image as its base does both in one process. As root the kernel may decrypt
 *   instead: describe tells the device mapper what it needs.
 * Writing  In a build. format makes a place for the volume, write encrypts what the squashfs writer says, finish completes
 *   it. No plain byte of the volume is ever in a file.
 *
 * Kept bytes and keys belong into memory that is locked, kept out of core files, and wiped after use. */
#ifndef SKIFF_EXT_CRYPTO_H
#define SKIFF_EXT_CRYPTO_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_CRYPTO "skiff.crypto/2"

/* A wrapped key that lies in the SIF: an object of type 0x4008, format PEM, message RSA-OAEP, linked to the volume. */
typedef struct skiff_crypto_message {
    const void *bytes;
    uint64_t size;
    uint32_t id; /* of the object */
    uint32_t reserved;
} skiff_crypto_message;

/* An encrypted volume: the same in each call, but for fd, path, and messages, which are there in unlock alone. */
typedef struct skiff_crypto_request {
    uint32_t struct_size;
    int32_t fd;          /* the image, open for reading, borrowed; never read or moved by its position */
    uint64_t offset;     /* where the volume begins in fd, and its size, in bytes */
    uint64_t size;
    uint32_t filesystem; /* as skiff_section has it: 5 squashfs in LUKS2, 6 in gocryptfs */
    uint32_t volume;     /* its number in this command, from 0, the image's own */
    const char *path;    /* of the image, for messages */
    const skiff_crypto_message *messages; /* in the order of the objects */
    uint64_t message_count;
    uint64_t message_size; /* of one element */
} skiff_crypto_request;

/* What the kernel's device mapper needs to know of a volume. */
typedef struct skiff_crypto_mapping {
    uint32_t struct_size;
    uint32_t sector_size; /* bytes */
    const char *cipher;   /* as dm-crypt has it: "aes-xts-plain64" */
    const void *key;
    uint64_t key_size;  /* bytes */
    uint64_t offset;    /* of the first encrypted byte, from request.offset */
    uint64_t size;      /* of the plain volume, bytes; a multiple of sector_size */
    uint64_t iv_offset; /* what is added to the number of a sector, in 512 bytes */
} skiff_crypto_mapping;

/* Receives the description, which is wiped when the callback returns. */
typedef int32_t skiff_crypto_mapping_fn(void *context, const skiff_crypto_mapping *mapping);

/* What format is asked for. */
typedef struct skiff_crypto_target {
    uint32_t struct_size;
    int32_t fd;           /* a regular file, open for reading and writing, borrowed until finish or abort; no other process sees it yet */
    uint64_t offset;      /* where the volume begins, a multiple of 4096. Behind it the file is empty */
    uint64_t plain_limit; /* the plain volume is not larger, bytes */
    uint32_t filesystem;  /* as skiff_section has it: 5, 6, or 0 when the plugin may choose */
    uint32_t reserved;
    const char *path; /* of the target, for messages */
} skiff_crypto_target;

/* What format has chosen. */
typedef struct skiff_crypto_format {
    uint32_t struct_size; /* set by the host */
    uint32_t filesystem;  /* 5 or 6 */
    uint32_t block_size;  /* of write, bytes: a power of two from 512 to 65536 */
    uint32_t reserved;
    /* The wrapped key for an object of type 0x4008, PEM text; NULL and 0 when there is none. Valid until finish or abort. */
    const void *message;
    uint64_t message_size;
} skiff_crypto_format;

/* The plugin's own: made by resume and ended by close; made by format and ended by finish or abort. */
typedef struct skiff_crypto_volume skiff_crypto_volume;
typedef struct skiff_crypto_writer skiff_crypto_writer;

/* The slots of opening are needed, but for describe; those of writing may be NULL, all of them together. */
typedef struct skiff_crypto {
    uint32_t struct_size;
    uint32_t reserved;

    /* [parent] when the plan is complete and before the container is made, not for --explain. Takes the secret by borrow of
     * skiff.host.secret/1, and leaves what resume and describe need by one call of keep: the key of the volume, or the secret itself,
     * and then they say whether it opens the volume. The image is foreign: its header is checked before a library gets it. SKIFF_DECLINED: not encrypted in a way that
     * this plugin knows; the next one is asked. SKIFF_E_DENIED: the key does not fit. SKIFF_E_INVALID: the header is damaged. */
    int32_t (*unlock)(const skiff_plugin *self, skiff_session *session, const skiff_crypto_request *request);
    /* [parent] after unlock, when the kernel could decrypt: calls answer(context, mapping) once, and returns what it did.
     * SKIFF_DECLINED: the kernel cannot. NULL: it never can. */
    int32_t (*describe)(const skiff_plugin *self, const skiff_crypto_request *request, const void *kept,
                        uint64_t kept_size, skiff_crypto_mapping_fn *answer, void *context);
    /* [parent] of the image server or of a build, before its threads: allocates what reading needs, in memory that other
     * threads may use. kept is wiped when the call returns. Fails as unlock does. */
    int32_t (*resume)(const skiff_plugin *self, const skiff_crypto_request *request, const void *kept,
                      uint64_t kept_size, skiff_crypto_volume **out);
    /* [any] The size of the plain volume in bytes. */
    uint64_t (*volume_size)(const skiff_plugin *self, const skiff_crypto_volume *volume);
    /* [any] Reads and decrypts exactly count bytes at offset of the plain volume, both multiples of 512, offset + count at
     * most volume_size rounded up to 512; what lies beyond it is zero. Several threads at once; it allocates nothing, takes no lock
     * for long, and calls nothing of the host. Only the status counts: buffer is undefined unless it is SKIFF_OK.
     * SKIFF_E_SYSTEM: the file could not be read. SKIFF_E_INVALID: the bytes are not what was written. */
    int32_t (*read_block)(const skiff_plugin *self, const skiff_crypto_volume *volume, uint64_t offset, void *buffer,
                          uint64_t count);
    /* [parent] after the last read_block. Wipes the keys. */
    void (*close)(const skiff_plugin *self, skiff_crypto_volume *volume);

    /* [parent] of a build. Takes the secret by borrow, "pem" being a public key here, and fills *answer. SKIFF_DECLINED: not
     * this kind; the next plugin is asked. No secret at all is SKIFF_E_INVALID: nothing is ever written in clear. */
    int32_t (*format)(const skiff_plugin *self, skiff_session *session, const skiff_crypto_target *target,
                      skiff_crypto_format *answer, skiff_crypto_writer **out);
    /* [any] Encrypts count bytes for offset of the plain volume and writes them to the target with pwrite(2). offset is a
     * multiple of block_size, count too, but for the last block of the volume. Several threads at once, for ranges that do not
     * overlap; a block may be written again. What is never written reads as anything. */
    int32_t (*write_block)(const skiff_plugin *self, skiff_crypto_writer *writer, uint64_t offset, const void *bytes,
                           uint64_t count);
    /* [parent] after the last write_block, of which all have succeeded: plain_size bytes are the volume. Writes what is left,
     * wipes the keys and ends the writer, also when it fails. *size is what the volume takes from target.offset on. */
    int32_t (*finish)(const skiff_plugin *self, skiff_session *session, skiff_crypto_writer *writer,
                      uint64_t plain_size, uint64_t *size);
    /* [parent] Ends the writer without that. The host throws the file away. */
    void (*abort)(const skiff_plugin *self, skiff_crypto_writer *writer);
    /* [any] Brings back what write_block has written, by the same rules: duplicates are looked for in it.
     * SKIFF_E_SYSTEM from here and from write_block: errno says why. SKIFF_E_INVALID: the bytes are not what was written. */
    int32_t (*read_back)(const skiff_plugin *self, skiff_crypto_writer *writer, uint64_t offset, void *buffer,
                         uint64_t count);
} skiff_crypto;

SKIFF_END

#endif
