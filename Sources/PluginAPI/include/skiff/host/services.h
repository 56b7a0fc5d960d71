/* skiff.host.services/1: tables from plugin to plugin, given by the host. */
#ifndef SKIFF_HOST_SERVICES_H
#define SKIFF_HOST_SERVICES_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_SERVICES "skiff.host.services/1"

typedef struct skiff_host_services {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Offers a table that begins with its struct_size, under "<reverse domain>.<name>/<revision>". It stays the
     * publisher's and lives as long as the process. SKIFF_E_INVALID: the id is taken. Call in init or configure. */
    int32_t (*publish)(const skiff_host *host, const char *id, const void *table, uint64_t size);
    /* [parent] Finds a table of at least size bytes; SKIFF_DECLINED: nobody offers it. Call in prepare or later. */
    int32_t (*find)(const skiff_host *host, const char *id, uint64_t size, const void **out);
} skiff_host_services;

SKIFF_END

#endif
