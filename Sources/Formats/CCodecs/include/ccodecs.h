/* The decompressors that squashfs images use, as their own headers declare them. */
#ifndef SKIFF_CCODECS_H
#define SKIFF_CCODECS_H

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#endif
