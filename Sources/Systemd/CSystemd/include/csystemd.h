/* The functions of libsystemd that are called, sd-bus(3), found by name at the first use: no other command should load it.
 * They are declared here, so that nothing of it is needed when building; its interface is stable. */
#ifndef SKIFF_CSYSTEMD_H
#define SKIFF_CSYSTEMD_H

#include <stdint.h>

typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;

typedef struct skl_bus_error {
    const char *name;
    const char *message;
    int need_free;
} skl_bus_error;

/* RESULT, `sd_bus_NAME`, PARAMETERS. */
#define SKL_BUS_FUNCTIONS(FUNCTION) \
    FUNCTION(int, new, (sd_bus * *bus)) \
    FUNCTION(int, set_address, (sd_bus * bus, const char *address)) \
    FUNCTION(int, set_bus_client, (sd_bus * bus, int is_client)) \
    FUNCTION(int, start, (sd_bus * bus)) \
    FUNCTION(int, get_fd, (sd_bus * bus)) \
    FUNCTION(sd_bus *, close_unref, (sd_bus * bus)) \
    FUNCTION(int, process, (sd_bus * bus, sd_bus_message **message)) \
    FUNCTION(int, wait, (sd_bus * bus, uint64_t microseconds)) \
    FUNCTION(int, send, (sd_bus * bus, sd_bus_message * message, uint64_t *cookie)) \
    FUNCTION(int, message_new_method_call, \
             (sd_bus * bus, sd_bus_message * *message, const char *destination, const char *path, const char *interface, \
              const char *member)) \
    FUNCTION(int, message_append_basic, (sd_bus_message * message, char type, const void *value)) \
    FUNCTION(int, message_open_container, (sd_bus_message * message, char type, const char *contents)) \
    FUNCTION(int, message_close_container, (sd_bus_message * message)) \
    FUNCTION(int, message_read_basic, (sd_bus_message * message, char type, void *value)) \
    FUNCTION(int, message_get_reply_cookie, (sd_bus_message * message, uint64_t *cookie)) \
    FUNCTION(int, message_is_signal, (sd_bus_message * message, const char *interface, const char *member)) \
    FUNCTION(int, message_is_method_error, (sd_bus_message * message, const char *name)) \
    FUNCTION(const skl_bus_error *, message_get_error, (sd_bus_message * message)) \
    FUNCTION(sd_bus_message *, message_unref, (sd_bus_message * message))

/* `sd_bus_NAME` under NAME. */
typedef struct skl_bus {
#define FUNCTION(result, name, parameters) result(*name) parameters;
    SKL_BUS_FUNCTIONS(FUNCTION)
#undef FUNCTION
} skl_bus;

/* NULL when libsystemd.so.0 or one of the functions cannot be found. */
const skl_bus *skl_bus_library(void);

#endif
