/* libarchive for Swift: reading and writing tar archives. Nothing of it that touches the file system is used. It is opened at
 * the first archive: most runs of skiff-image see none, and a host that lacks it is told so by name. */
#ifndef SKIFF_CARCHIVE_H
#define SKIFF_CARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>

#define SKL_ARCHIVE_FUNCTIONS(FUNCTION) \
    FUNCTION(archive_entry_copy_hardlink) \
    FUNCTION(archive_entry_copy_pathname) \
    FUNCTION(archive_entry_copy_symlink) \
    FUNCTION(archive_entry_filetype) \
    FUNCTION(archive_entry_free) \
    FUNCTION(archive_entry_gid) \
    FUNCTION(archive_entry_hardlink) \
    FUNCTION(archive_entry_mtime) \
    FUNCTION(archive_entry_new) \
    FUNCTION(archive_entry_pathname) \
    FUNCTION(archive_entry_perm) \
    FUNCTION(archive_entry_rdevmajor) \
    FUNCTION(archive_entry_rdevminor) \
    FUNCTION(archive_entry_set_filetype) \
    FUNCTION(archive_entry_set_gid) \
    FUNCTION(archive_entry_set_mode) \
    FUNCTION(archive_entry_set_mtime) \
    FUNCTION(archive_entry_set_rdevmajor) \
    FUNCTION(archive_entry_set_rdevminor) \
    FUNCTION(archive_entry_set_size) \
    FUNCTION(archive_entry_set_uid) \
    FUNCTION(archive_entry_size) \
    FUNCTION(archive_entry_symlink) \
    FUNCTION(archive_entry_uid) \
    FUNCTION(archive_entry_xattr_add_entry) \
    FUNCTION(archive_entry_xattr_next) \
    FUNCTION(archive_entry_xattr_reset) \
    FUNCTION(archive_error_string) \
    FUNCTION(archive_filter_bytes) \
    FUNCTION(archive_read_data) \
    FUNCTION(archive_read_data_block) \
    FUNCTION(archive_read_free) \
    FUNCTION(archive_read_new) \
    FUNCTION(archive_read_next_header) \
    FUNCTION(archive_read_open2) \
    FUNCTION(archive_read_support_filter_bzip2) \
    FUNCTION(archive_read_support_filter_gzip) \
    FUNCTION(archive_read_support_filter_xz) \
    FUNCTION(archive_read_support_filter_zstd) \
    FUNCTION(archive_read_support_format_empty) \
    FUNCTION(archive_read_support_format_tar) \
    FUNCTION(archive_write_add_filter_gzip) \
    FUNCTION(archive_write_close) \
    FUNCTION(archive_write_data) \
    FUNCTION(archive_write_free) \
    FUNCTION(archive_write_header) \
    FUNCTION(archive_write_new) \
    FUNCTION(archive_write_open) \
    FUNCTION(archive_write_set_bytes_in_last_block) \
    FUNCTION(archive_write_set_bytes_per_block) \
    FUNCTION(archive_write_set_filter_option) \
    FUNCTION(archive_write_set_format_pax_restricted) \
    FUNCTION(archive_write_set_format_raw) \
    FUNCTION(archive_write_set_options)

/* The functions of the library, under their own names. */
typedef struct skl_archive {
#define FUNCTION(name) __typeof__(name) *name;
    SKL_ARCHIVE_FUNCTIONS(FUNCTION)
#undef FUNCTION
} skl_archive;

/* NULL when libarchive.so.13 or one of the functions cannot be found. */
const skl_archive *skl_archive_library(void);

/* A reader of tar archives, also of an empty stream; NULL without memory. Freed with archive_read_free. */
struct archive *skl_tar_reader(const skl_archive *library);

/* The same for an archive that may be compressed with gzip, bzip2, xz or zstd. An empty stream is no archive. */
struct archive *skl_compressed_tar_reader(const skl_archive *library);

#endif
