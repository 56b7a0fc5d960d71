#include "carchive.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

_Static_assert(ARCHIVE_VERSION_NUMBER >= 3006000, "libarchive 3.6 or newer");

static skl_archive opened;
static int is_open;

static void open_library(void) {
    void *handle = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    const struct {
        const char *name;
        void **place;
    } symbols[] = {
#define FUNCTION(name) {#name, (void **)&opened.name},
        SKL_ARCHIVE_FUNCTIONS(FUNCTION)
#undef FUNCTION
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (!(*symbols[i].place = dlsym(handle, symbols[i].name))) return;
    is_open = 1;
}

const skl_archive *skl_archive_library(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return is_open ? &opened : NULL;
}

struct archive *skl_tar_reader(const skl_archive *library) {
    struct archive *archive = library->archive_read_new();
    if (archive == NULL) return NULL;
    if (library->archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        library->archive_read_support_format_empty(archive) != ARCHIVE_OK) {
        library->archive_read_free(archive);
        return NULL;
    }
    return archive;
}

struct archive *skl_compressed_tar_reader(const skl_archive *library) {
    struct archive *archive = library->archive_read_new();
    if (archive == NULL) return NULL;
    /* Each by itself: "all" would also start programs. */
    if (library->archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        library->archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
        library->archive_read_support_filter_bzip2(archive) != ARCHIVE_OK ||
        library->archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
        library->archive_read_support_filter_zstd(archive) != ARCHIVE_OK) {
        library->archive_read_free(archive);
        return NULL;
    }
    return archive;
}
