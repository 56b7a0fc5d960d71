/* Holds the interface still: a build with another layout does not compile. */
#include "layout.h"

#include "skiff/all.h"

_Static_assert(sizeof(void *) == 8, "the interface is laid out for 64-bit machines");
_Static_assert(SKIFF_ABI(SKIFF_ABI_MAJOR, SKIFF_ABI_MINOR) == SKIFF_ABI_CURRENT, "three ways to say one number");

#define STRUCT(type, size) _Static_assert(sizeof(type) == (size), #type);
#define FIELD(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field);
#include "layout.def"
#undef STRUCT
#undef FIELD

#define STRUCT(type, size) {#type, NULL, sizeof(type)},
#define FIELD(type, field, offset) {#type, #field, offsetof(type, field)},
static const skl_layout_line lines[] = {
#include "layout.def"
    {NULL, NULL, 0},
};

const skl_layout_line *skl_layout(void) { return lines; }
