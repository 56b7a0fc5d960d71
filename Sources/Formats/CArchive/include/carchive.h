/* libarchive for Swift: reading tar archives. Nothing of it that writes files is used. */
#ifndef SKIFF_CARCHIVE_H
#define SKIFF_CARCHIVE_H

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>

/* A reader of tar archives, also of an empty stream; NULL without memory. Freed with archive_read_free. */
struct archive *skl_tar_reader(void);

/* The same for an archive that may be compressed with gzip, bzip2, xz or zstd. An empty stream is no archive. */
struct archive *skl_compressed_tar_reader(void);

/* The sizes and times that libarchive keeps in types of its own. */
static inline int64_t skl_entry_size(struct archive_entry *entry) { return archive_entry_size(entry); }
static inline int64_t skl_entry_uid(struct archive_entry *entry) { return archive_entry_uid(entry); }
static inline int64_t skl_entry_gid(struct archive_entry *entry) { return archive_entry_gid(entry); }
static inline int64_t skl_entry_time(struct archive_entry *entry) { return archive_entry_mtime(entry); }

#endif
