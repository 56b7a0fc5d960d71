/* The layout of the interface as a table, for tests and for the checker. Not installed. */
#ifndef SKIFF_LAYOUT_H
#define SKIFF_LAYOUT_H

#include <stddef.h>

typedef struct skl_layout_line {
    const char *type;
    const char *field; /* NULL: the line is the size of the struct */
    size_t value;      /* bytes */
} skl_layout_line;

/* Ends with a line whose type is NULL. */
const skl_layout_line *skl_layout(void);

#endif
