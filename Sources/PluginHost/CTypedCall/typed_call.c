#include "typed_call.h"

#include <ffi.h>
#include <string.h>

/* The description of a letter, and of the second C parameter that S and B have. */
static ffi_type *type_of(char letter, ffi_type **second) {
    *second = NULL;
    switch (letter) {
    case 'i': case 'b': case 'f': case 'F': return &ffi_type_sint32;
    case 'u': return &ffi_type_uint32;
    case 'l': return &ffi_type_sint64;
    case 'L': return &ffi_type_uint64;
    case 'c': case 'h': case 'x': case 's': case 'p': return &ffi_type_pointer;
    case 'S': case 'B': *second = &ffi_type_uint64; return &ffi_type_pointer;
    default: return NULL;
    }
}

int skl_signature_parameters(const char *signature) {
    if (!signature || (signature[0] != 'i' && signature[0] != 'v') || signature[1] != ':') return -1;
    const char *letters = signature + 2;
    size_t count = strnlen(letters, SKL_TYPED_CALL_LIMIT + 1);
    if (count > SKL_TYPED_CALL_LIMIT) return -1;
    for (size_t i = 0; i < count; i++) {
        ffi_type *second;
        if (!type_of(letters[i], &second)) return -1;
    }
    return (int)count;
}

int skl_typed_call(const char *signature, void (*fn)(void), const skl_value *arguments, size_t count, int32_t *result) {
    int letters = skl_signature_parameters(signature);
    if (letters < 0 || (size_t)letters > count || !fn) return -1;
    ffi_type *types[2 * SKL_TYPED_CALL_LIMIT];
    void *slots[2 * SKL_TYPED_CALL_LIMIT];
    /* Narrow integers need storage of their own width: libffi reads them through the slot. */
    int32_t narrow[SKL_TYPED_CALL_LIMIT];
    unsigned used = 0;
    for (int i = 0; i < letters; i++) {
        ffi_type *second;
        ffi_type *first = type_of(signature[2 + i], &second);
        types[used] = first;
        if (first == &ffi_type_sint32 || first == &ffi_type_uint32) {
            narrow[i] = (int32_t)arguments[i].number;
            slots[used++] = &narrow[i];
        } else if (first == &ffi_type_pointer) {
            slots[used++] = (void *)&arguments[i].pointer;
        } else {
            slots[used++] = (void *)&arguments[i].number;
        }
        if (second) {
            types[used] = second;
            slots[used++] = (void *)&arguments[i].count;
        }
    }
    /* Preparing takes a few microseconds and a command makes a handful of calls: no cache is worth its state. */
    ffi_cif call;
    ffi_type *answer = signature[0] == 'v' ? &ffi_type_void : &ffi_type_sint32;
    if (ffi_prep_cif(&call, FFI_DEFAULT_ABI, used, answer, types) != FFI_OK) return -1;
    ffi_arg widened = 0; /* libffi widens a small result to a register */
    ffi_call(&call, fn, &widened, slots);
    *result = signature[0] == 'v' ? 0 : (int32_t)widened;
    return 0;
}
