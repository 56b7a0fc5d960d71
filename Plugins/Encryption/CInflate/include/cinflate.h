/* Decompression of a squashfs metadata block by the library of its codec, which is opened when one is met. */
#ifndef SKIFF_CINFLATE_H
#define SKIFF_CINFLATE_H

#include <stddef.h>
#include <stdint.h>

/* As the superblock of squashfs numbers them. */
enum { CI_GZIP = 1, CI_XZ = 4, CI_LZ4 = 5, CI_ZSTD = 6 };

/* The file of the library; NULL for a codec that is not known. */
const char *ci_library(unsigned codec);
/* Returns how many bytes were made; -1 for input that is damaged or too long, -2 when the library cannot be opened. */
long ci_inflate(unsigned codec, const uint8_t *in, size_t count, uint8_t *out, size_t room);

#endif
