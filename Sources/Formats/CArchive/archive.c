#include "carchive.h"

_Static_assert(ARCHIVE_VERSION_NUMBER >= 3006000, "libarchive 3.6 or newer");

struct archive *skl_tar_reader(void) {
    struct archive *archive = archive_read_new();
    if (archive == NULL) return NULL;
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_support_format_empty(archive) != ARCHIVE_OK) {
        archive_read_free(archive);
        return NULL;
    }
    return archive;
}

struct archive *skl_compressed_tar_reader(void) {
    struct archive *archive = archive_read_new();
    if (archive == NULL) return NULL;
    /* Each by itself: "all" would also start programs. */
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
        archive_read_support_filter_bzip2(archive) != ARCHIVE_OK ||
        archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(archive) != ARCHIVE_OK) {
        archive_read_free(archive);
        return NULL;
    }
    return archive;
}
