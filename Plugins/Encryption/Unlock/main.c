/* skiff-luks: opens a key slot of a LUKS2 header by libcryptsetup, for the Encryption plugin. A program of its own: the library and
 * what it needs are loaded only when there is such an image, and a key derivation that needs a GiB of memory can be killed.
 *
 *   skiff-luks unlock SLOT...
 *     3  the header, a file of which the plugin has checked every value
 *     4  the secret, to its end
 *     5  where the volume key goes
 * Exit status: 0 done, 2 the secret opens none of the slots, 3 libcryptsetup does not take the header, 4 not enough memory,
 * 5 anything else. */
#include <csecretprocess.h>
#include <errno.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HEADER = 3, SECRET = 4, KEY = 5 };
enum { DONE = 0, WRONG_SECRET = 2, BAD_HEADER = 3, NO_MEMORY = 4, FAILED = 5 };
/* A byte more than the plugin lets a secret have: its end must be seen. */
enum { LONGEST_SECRET = 4096 + 1, LONGEST_KEY = 128 };

static struct {
    char secret[LONGEST_SECRET];
    char key[LONGEST_KEY];
} *secrets;

static int end(int status) {
    explicit_bzero(secrets, sizeof *secrets);
    return status;
}

/* The library's words would come without a context; the status says what the plugin tells. */
static void ignore(int level, const char *message, void *context) { (void)level, (void)message, (void)context; }

static int open_slots(struct crypt_device *device, char **slots, size_t secret) {
    int status = WRONG_SECRET;
    for (; *slots; slots++) {
        char *rest;
        unsigned long slot = strtoul(*slots, &rest, 10);
        if (rest == *slots || *rest || slot > 31) return FAILED;
        size_t count = LONGEST_KEY;
        int answer = crypt_volume_key_get(device, (int)slot, secrets->key, &count, secrets->secret, secret);
        if (answer >= 0) return write_all(KEY, secrets->key, count) == 0 ? DONE : FAILED;
        if (answer == -ENOMEM) status = NO_MEMORY;
        else if (answer != -EPERM && answer != -ENOENT && status == WRONG_SECRET) status = FAILED;
    }
    return status;
}

int main(int count, char **words) {
    if (count < 3 || strcmp(words[1], "unlock") != 0) {
        fputs("skiff-luks is started by skiff only\n", stderr);
        return FAILED;
    }
    if (hide_process() != 0) return FAILED;
    secrets = secret_memory(sizeof *secrets);
    if (!secrets || mlock(secrets, sizeof *secrets) != 0) return NO_MEMORY;
    ssize_t secret = read_all(SECRET, secrets->secret, LONGEST_SECRET);
    if (secret < 0) return end(FAILED);
    crypt_set_log_callback(NULL, ignore, NULL);
    /* The file is ours alone. */
    crypt_metadata_locking(NULL, 0);
    struct crypt_device *device;
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", HEADER);
    if (crypt_init(&device, path) < 0) return end(FAILED);
    int status = BAD_HEADER;
    if (crypt_load(device, CRYPT_LUKS2, NULL) >= 0) status = open_slots(device, words + 2, (size_t)secret);
    crypt_free(device);
    return end(status);
}
