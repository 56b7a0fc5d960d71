/* A target needs a source file; this one proves at build time that the headers are there and new enough. */
#include "ccodecs.h"

_Static_assert(ZSTD_VERSION_NUMBER >= 10400, "libzstd 1.4 or newer");
_Static_assert(LZMA_VERSION >= 50020000, "liblzma 5.2 or newer");
