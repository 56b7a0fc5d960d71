/* skiff.transport/1: images by URI, given by the plugin. The manifest's schemes route to it, and its push-schemes.
 *
 * The plugin fetches; the host does the rest: it asks the cache before it has anything fetched, checks what came, converts
 * layers, and gives the image its name when all of it is there.
 *
 * [parent] means here: in a process of its own, which skiff-image starts for one address, and which ends with it. What
 * resolve has learned may be kept for fetch, in data of the plugin. When the user stops the command, the process is
 * killed with all that it has started; so it is when it gives no sign of life for as long as the user waits for a silent
 * server, 60 seconds unless APPTAINER_NETWORK_TIMEOUT says otherwise. Signs are a byte that it, or what it has started,
 * reads or writes other than with recv and send, and a call of progress. Before anything else the handlers of the
 * plugin's flags are called; the tables settings, run, progress, secret, services and calls of the host work in each of
 * the functions, those of a container do not. */
#ifndef SKIFF_EXT_TRANSPORT_H
#define SKIFF_EXT_TRANSPORT_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_TRANSPORT "skiff.transport/1"

/* skiff_transport_image.kind */
#define SKIFF_TRANSPORT_FILE 1   /* fetch writes one image file: SIF, squashfs or ext3 */
#define SKIFF_TRANSPORT_LAYOUT 2 /* fetch writes an OCI image layout below a directory */

typedef struct skiff_transport_request {
    uint32_t struct_size;
    uint32_t reserved;
    const char *uri;          /* as typed, with its scheme */
    const char *architecture; /* wanted: "amd64", "arm64", as GOARCH has it */
    const char *variant;      /* "v7", or empty */
} skiff_transport_request;

/* What a URI names now. */
typedef struct skiff_transport_image {
    uint32_t struct_size;
    uint32_t kind;
    uint64_t size; /* of the file in bytes; 0: not known, or a layout */
    /* "sha256:" and 64 digits: of the file, or of the manifest or index that index.json names. The host verifies it, and
     * finds an image in the cache by it. NULL: not known. */
    const char *digest;
    /* Without a digest: any text of at most 1024 bytes, without control characters, that is another one when the image is
     * another one, such as a revision or a time. The host finds an image in the cache by URI and identity. NULL: there is
     * no such text; then nothing is kept. */
    const char *identity;
} skiff_transport_image;

/* SKIFF_E_INVALID: the answer cannot be used, or is the second one. */
typedef int32_t skiff_transport_answer_fn(void *context, const skiff_transport_image *image);

/* What is to be pushed. */
typedef struct skiff_transport_upload {
    uint32_t struct_size;
    int32_t fd;               /* a SIF, open for reading, borrowed */
    const char *uri;          /* as typed, with its scheme */
    const char *architecture; /* of the SIF */
    const char *digest;       /* of its bytes, "sha256:…" */
    uint64_t size;            /* in bytes */
} skiff_transport_upload;

typedef struct skiff_transport {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Finds what the URI names, without fetching it, and calls answer once. SKIFF_DECLINED: not mine;
     * the next plugin with this scheme is asked. An image that is not there is a failure. */
    int32_t (*resolve)(const skiff_plugin *self, skiff_session *session, const skiff_transport_request *request,
                       skiff_transport_answer_fn *answer, void *context);
    /* [parent] Writes it to target_fd: an empty file, open for reading and writing, or an empty directory; borrowed. image
     * is what resolve has answered. Reports through skiff.host.progress/1. */
    int32_t (*fetch)(const skiff_plugin *self, skiff_session *session, const skiff_transport_request *request,
                     const skiff_transport_image *image, int32_t target_fd);
    /* [parent] Puts a SIF where the URI says: whole or not at all. SKIFF_DECLINED as above. NULL without push-schemes. */
    int32_t (*push)(const skiff_plugin *self, skiff_session *session, const skiff_transport_upload *upload);
} skiff_transport;

SKIFF_END

#endif
