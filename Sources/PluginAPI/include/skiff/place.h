/* A container that exists: its process and its namespaces, as the host lends them to skiff.container/2 and
 * skiff.network/2. */
#ifndef SKIFF_PLACE_H
#define SKIFF_PLACE_H

#include "plugin.h"

SKIFF_BEGIN

/* Descriptors are borrowed; -1: the container has none of its own. */
typedef struct skiff_place {
    uint32_t struct_size;
    int32_t pid; /* of the container's first process, as the host counts */
    int32_t pidfd;
    int32_t user_fd;
    int32_t network_fd;
    int32_t ipc_fd;
    int32_t uts_fd;
    int32_t pid_fd; /* the PID namespace */
} skiff_place;

SKIFF_END

#endif
