/* Argon2 (RFC 9106) by libargon2, which is opened at the first use: the libcrypto of Debian 12 does not have it. */
#ifndef SKIFF_CARGON2_H
#define SKIFF_CARGON2_H

#include <stddef.h>
#include <stdint.h>

/* 0 when libargon2.so.1 cannot be opened. Every other function of this library needs it to have been 1. */
int ca_open(void);

enum ca_kind { CA_ARGON2I, CA_ARGON2ID };

struct ca_costs {
    uint32_t memory; /* KiB */
    uint32_t passes, lanes;
};

/* Version 1.3. Its memory is in no core file, and wiped. ENOMEM: there is not so much; EINVAL: such costs or such a salt cannot be.
 * 0 for success. */
int ca_derive(enum ca_kind kind, const struct ca_costs *costs, const uint8_t *secret, size_t count, const uint8_t *salt,
              size_t salt_count, uint8_t *out, size_t wanted);

#endif
