/* skiff.transport/1 (draft): images by URI, given by the plugin; the manifest's schemes route to it.
 * Runs in skiff-image, which has threads and owns the cache. */
#ifndef SKIFF_EXT_TRANSPORT_H
#define SKIFF_EXT_TRANSPORT_H

#include "../../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_TRANSPORT "skiff.transport/1"

/* skiff_transport_answer.kind */
#define SKIFF_TRANSPORT_SIF 1       /* fetch writes one SIF file */
#define SKIFF_TRANSPORT_OCI 2       /* fetch writes an OCI image layout below a directory */
#define SKIFF_TRANSPORT_DIRECTORY 3 /* fetch writes a root file system below a directory */

typedef struct skiff_transport_request {
    uint32_t struct_size;
    uint32_t reserved;
    const char *uri;          /* as typed, with its scheme */
    const char *architecture; /* "amd64" */
} skiff_transport_request;

/* digest: what names these bytes for ever, for the cache ("sha256:…"), or NULL when there is no such name. */
typedef void skiff_transport_answer_fn(void *context, uint32_t kind, const char *digest, uint64_t size);

typedef struct skiff_transport {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Asks what is behind the URI, without fetching it; answers through answer, once. */
    int32_t (*resolve)(const skiff_plugin *self, skiff_session *session, const skiff_transport_request *request,
                       skiff_transport_answer_fn *answer, void *context);
    /* [parent] Writes it to target_fd: an empty file or an empty directory, by kind; borrowed. Reports through
     * skiff.host.progress/1. The host gives it its name when everything is there. */
    int32_t (*fetch)(const skiff_plugin *self, skiff_session *session, const skiff_transport_request *request,
                     int32_t target_fd);
} skiff_transport;

SKIFF_END

#endif
