/* What every header of skiff's plugin interface needs. C99 and C++17; no enums, bit-fields, bool, long, variadics,
 * structs by value or inline functions cross the border. */
#ifndef SKIFF_PRIVATE_MACROS_H
#define SKIFF_PRIVATE_MACROS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define SKIFF_BEGIN extern "C" {
#define SKIFF_END }
#else
#define SKIFF_BEGIN
#define SKIFF_END
#endif

/* The entry function is the only symbol that a plugin exports; compile everything else with -fvisibility=hidden. */
#if defined(__GNUC__)
#define SKIFF_EXPORT __attribute__((visibility("default")))
#else
#define SKIFF_EXPORT
#endif

#endif
