/* The functions of librnp (OpenPGP) that are called, found by name at the first use: most runs of skiff-image see no
 * signature, and should not wait for its cryptographic library. Only its header is used when building. */
#ifndef SKIFF_CRNP_H
#define SKIFF_CRNP_H

#include <rnp/rnp.h>

#define SKL_RNP_FUNCTIONS(FUNCTION) \
    FUNCTION(buffer_destroy) \
    FUNCTION(ffi_create) \
    FUNCTION(ffi_destroy) \
    FUNCTION(import_keys) \
    FUNCTION(input_destroy) \
    FUNCTION(input_from_memory) \
    FUNCTION(key_allows_usage) \
    FUNCTION(key_export) \
    FUNCTION(key_get_fprint) \
    FUNCTION(key_get_primary_fprint) \
    FUNCTION(key_get_primary_uid) \
    FUNCTION(key_get_uid_count) \
    FUNCTION(key_get_uid_handle_at) \
    FUNCTION(key_handle_destroy) \
    FUNCTION(key_is_expired) \
    FUNCTION(key_is_revoked) \
    FUNCTION(key_is_sub) \
    FUNCTION(key_is_valid) \
    FUNCTION(locate_key) \
    FUNCTION(op_verify_create) \
    FUNCTION(op_verify_destroy) \
    FUNCTION(op_verify_execute) \
    FUNCTION(op_verify_get_signature_at) \
    FUNCTION(op_verify_get_signature_count) \
    FUNCTION(op_verify_signature_get_handle) \
    FUNCTION(op_verify_signature_get_hash) \
    FUNCTION(op_verify_signature_get_key) \
    FUNCTION(op_verify_signature_get_status) \
    FUNCTION(output_destroy) \
    FUNCTION(output_memory_get_buf) \
    FUNCTION(output_to_memory) \
    FUNCTION(signature_get_key_fprint) \
    FUNCTION(signature_get_keyid) \
    FUNCTION(signature_get_type) \
    FUNCTION(signature_handle_destroy) \
    FUNCTION(uid_handle_destroy) \
    FUNCTION(uid_is_primary) \
    FUNCTION(uid_is_revoked)

/* `rnp_NAME` under NAME. */
typedef struct skl_rnp {
#define FUNCTION(name) __typeof__(rnp_##name) *name;
    SKL_RNP_FUNCTIONS(FUNCTION)
#undef FUNCTION
} skl_rnp;

/* NULL when librnp.so.0 or one of the functions cannot be found. */
const skl_rnp *skl_rnp_library(void);

/* Debian's librnp tells about each flaw of a message on the stream `stderr`, whatever it is asked; those words are not for
 * users. Between the two calls the stream leads nowhere; descriptor 2 stays as it is. Not to be nested, one thread only. */
void skl_rnp_silence(void);
void skl_rnp_speak(void);

/* Values that are macros with casts, or of another header of librnp. */
static const uint32_t SKL_RNP_SUCCESS = 0;
static const uint32_t SKL_RNP_KEY_NOT_FOUND = 0x12000005;
static const uint32_t SKL_RNP_SIGNATURE_INVALID = 0x12000002;
static const uint32_t SKL_RNP_SIGNATURE_EXPIRED = 0x1200000B;
static const uint32_t SKL_RNP_PUBLIC_KEYS = RNP_LOAD_SAVE_PUBLIC_KEYS;
static const uint32_t SKL_RNP_PERMISSIVE = RNP_LOAD_SAVE_PERMISSIVE;
static const uint32_t SKL_RNP_WHOLE_KEY = RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS;

#endif
