/* skiff.host.secret/1: keys and passphrases, given by the host. */
#ifndef SKIFF_HOST_SECRET_H
#define SKIFF_HOST_SECRET_H

#include "../plugin.h"

SKIFF_BEGIN

#define SKIFF_HOST_SECRET "skiff.host.secret/1"

/* Receives a secret; bytes live until the callback returns and are wiped then. */
typedef int32_t skiff_secret_fn(void *context, const void *bytes, uint64_t count);

typedef struct skiff_host_secret {
    uint32_t struct_size;
    uint32_t reserved;
    /* [parent] Lends the secret called name. The host knows where it comes from: a flag, a file, a variable, a prompt, a
     * helper. SKIFF_DECLINED: there is none. Otherwise the answer of use, which may borrow another one meanwhile.
     *   "username", "password", "token"   in a transport: with what its URI's host is logged in to. Either the first two
     *                                     or a token, found as for registries: --docker-username, --docker-password and
     *                                     their variables, --authfile, Docker's configuration and its helpers
     *   "passphrase", "pem"               of an encrypted image; of none today */
    int32_t (*borrow)(skiff_session *session, const char *name, skiff_secret_fn *use, void *context);
    /* NULL today. [parent] Keeps bytes for another process of this container (the image server), as a sealed memfd of a
     * process that cannot be traced. They come back there through skiff.crypto/1 resume. */
    int32_t (*keep)(skiff_session *session, const void *bytes, uint64_t count);
} skiff_host_secret;

SKIFF_END

#endif
