#include "copenssl.h"
#include "library.h"

int ce_sha256(const uint8_t *bytes, size_t count, uint8_t digest[32]) {
    unsigned made = 0;
    int done = ce_library.EVP_Digest(bytes, count, digest, &made, ce_library.EVP_sha256(), NULL) == 1 && made == 32;
    ce_library.ERR_clear_error();
    return done;
}
