/* A target needs a source file; this one proves at build time that the headers are there and new enough. */
#include "cfuse.h"

_Static_assert(FUSE_VERSION >= FUSE_MAKE_VERSION(3, 14), "libfuse 3.14 or newer");
