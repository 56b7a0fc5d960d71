/* Calls a C function that is described by a signature string (skiff/cli.h), with natural arguments, through libffi.
 *
 * In C because libffi's type descriptions are mutable globals, which Swift 6 does not let through. libffi is linked
 * statically and nothing of it runs before the first call; it makes no closure, so no page becomes both writable and
 * executable. */
#ifndef SKL_TYPED_CALL_H
#define SKL_TYPED_CALL_H

#include <stddef.h>
#include <stdint.h>

/* The most parameter letters of a signature. */
#define SKL_TYPED_CALL_LIMIT 12

/* One argument: number for i u l L b f F, pointer for the others, count for the second half of S and B. Laid out as
 * skiff_argument. */
typedef struct skl_value {
    int64_t number;
    const void *pointer;
    uint64_t count;
} skl_value;

/* How many parameter letters signature has, or -1 when it is not a signature. */
int skl_signature_parameters(const char *signature);

/* Calls fn with the first parameters of arguments. *result is the function's status, 0 for a void one.
 * 0: called. -1: not a signature, or fewer arguments than parameters; fn was not called. */
int skl_typed_call(const char *signature, void (*fn)(void), const skl_value *arguments, size_t count, int32_t *result);

#endif
