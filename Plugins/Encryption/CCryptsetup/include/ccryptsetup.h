/* LUKS2 headers by libcryptsetup, which is opened at the first use. A header lies in a file of its own, from its start. */
#ifndef SKIFF_CCRYPTSETUP_H
#define SKIFF_CCRYPTSETUP_H

#include <stddef.h>
#include <stdint.h>

/* 0 when libcryptsetup.so.12 cannot be opened. Every other function of this library needs it to have been 1. */
int cl_open(void);

/* What the library said last in this thread, on one line; empty for nothing. */
const char *cl_reason(void);

/* A header in an open file, which must be as long as the data's offset. */
typedef struct crypt_device cl_header;

/* The costs of argon2id (RFC 9106). */
typedef struct {
    uint32_t memory; /* KiB */
    uint32_t passes;
    uint32_t lanes;
} cl_costs;

/* The first free one, or whichever fits. */
enum { CL_ANY_SLOT = -1 };

/* NULL with errno. */
cl_header *cl_header_open(int fd);
void cl_header_close(cl_header *header);

/* All further functions answer a negative errno for a failure. */

/* Writes a new header for data that begins at an offset in bytes: aes-xts-plain64, sectors of 512 bytes, no slot yet. */
int cl_format(cl_header *header, const uint8_t *key, size_t count, uint64_t data_offset);
/* Reads the header that is there. */
int cl_load(cl_header *header);
/* Adds a slot; answers its number. */
int cl_add(cl_header *header, int slot, const uint8_t *key, size_t count, const uint8_t *secret, size_t secret_count,
           const cl_costs *costs);
/* Takes a slot away and overwrites its key. */
int cl_remove(cl_header *header, int slot);
/* Brings the volume key that a secret opens; answers the slot's number, -EPERM when it opens none. *count: the room, then
 * the key's size. */
int cl_unlock(cl_header *header, int slot, const uint8_t *secret, size_t secret_count, uint8_t *key, size_t *count);

#endif
