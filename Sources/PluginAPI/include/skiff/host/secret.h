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
     *   "passphrase"                      of an encrypted image: its bytes, without a line end. Asked for at the terminal
     *   "pem"                             for an encrypted image: the text of a key file, a private key to open an image, a
     *                                     public one to write it
     *   "new-passphrase", "new-pem"       in a command of a plugin with skiff.crypto/2, which has flags of these names: what is to
     *                                     open the image from now on
     * Of passphrase and pem there is never more than one, that of the first source that the user has named; so a plugin borrows
     * "pem", and on SKIFF_DECLINED "passphrase". */
    int32_t (*borrow)(skiff_session *session, const char *name, skiff_secret_fn *use, void *context);
    /* [parent] in unlock of skiff.crypto/2, once: keeps at most 4096 bytes for the image server, or for the same process when that reads the
     * volume itself. The host holds them in locked memory, and hands them over in a sealed memfd. They come back through
     * resume and describe. SKIFF_E_PHASE elsewhere. */
    int32_t (*keep)(skiff_session *session, const void *bytes, uint64_t count);
} skiff_host_secret;

SKIFF_END

#endif
