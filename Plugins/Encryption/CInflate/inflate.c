#include "cinflate.h"

#include <dlfcn.h>

/* The headers of four libraries for a function of each would be four more packages to build with. */
typedef int gzip_fn(uint8_t *out, unsigned long *made, const uint8_t *in, unsigned long count);
typedef int xz_fn(uint64_t *memory, uint32_t flags, const void *allocator, const uint8_t *in, size_t *in_at, size_t in_size,
                  uint8_t *out, size_t *out_at, size_t out_size);
typedef int lz4_fn(const char *in, char *out, int count, int room);
typedef size_t zstd_fn(void *out, size_t room, const void *in, size_t count);
typedef unsigned zstd_error_fn(size_t status);

const char *ci_library(unsigned codec) {
    switch (codec) {
    case CI_GZIP: return "libz.so.1";
    case CI_XZ: return "liblzma.so.5";
    case CI_LZ4: return "liblz4.so.1";
    case CI_ZSTD: return "libzstd.so.1";
    default: return NULL;
    }
}

static const char *function_name(unsigned codec) {
    switch (codec) {
    case CI_GZIP: return "uncompress";
    case CI_XZ: return "lzma_stream_buffer_decode";
    case CI_LZ4: return "LZ4_decompress_safe";
    default: return "ZSTD_decompress";
    }
}

static long run(unsigned codec, void *library, void *function, const uint8_t *in, size_t count, uint8_t *out, size_t room) {
    switch (codec) {
    case CI_GZIP: {
        unsigned long made = room;
        return ((gzip_fn *)function)(out, &made, in, count) == 0 ? (long)made : -1;
    }
    case CI_XZ: {
        uint64_t memory = 64 << 20;
        size_t in_at = 0, out_at = 0;
        return ((xz_fn *)function)(&memory, 0, NULL, in, &in_at, count, out, &out_at, room) == 0 ? (long)out_at : -1;
    }
    case CI_LZ4: {
        int made = ((lz4_fn *)function)((const char *)in, (char *)out, (int)count, (int)room);
        return made < 0 ? -1 : made;
    }
    default: {
        zstd_error_fn *is_error = (zstd_error_fn *)dlsym(library, "ZSTD_isError");
        if (!is_error) return -2;
        size_t made = ((zstd_fn *)function)(out, room, in, count);
        return is_error(made) ? -1 : (long)made;
    }
    }
}

long ci_inflate(unsigned codec, const uint8_t *in, size_t count, uint8_t *out, size_t room) {
    const char *name = ci_library(codec);
    if (count > 1 << 20 || room > 1 << 20) return -1;
    void *library = name ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : NULL;
    void *function = library ? dlsym(library, function_name(codec)) : NULL;
    return function ? run(codec, library, function, in, count, out, room) : -2;
}
