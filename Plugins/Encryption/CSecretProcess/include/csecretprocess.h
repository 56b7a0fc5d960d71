#ifndef CSECRETPROCESS_H
#define CSECRETPROCESS_H

/* What the programs of the Encryption plugin have in common: each has secrets for a moment, in memory that nobody else sees. */
#include <stddef.h>
#include <sys/types.h>

/* Keeps this process from being traced and from leaving a core, and its memory out of one that is forced; prctl(2), core(5).
 * Returns -1 when it stays open to others. */
int hide_process(void);

/* Returns zeroed memory that no core has, or NULL; madvise(2). */
void *secret_memory(size_t size);

/* Reads to the end. Returns the size of all that came; -1 when it is more than there is room for, or cannot be read. */
ssize_t read_all(int file, void *place, size_t room);

/* Returns 0 when everything was written, else -1. */
int write_all(int file, const void *bytes, size_t count);

#endif
