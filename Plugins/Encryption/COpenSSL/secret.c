#include "copenssl.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static size_t whole_pages(size_t count) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (count > SIZE_MAX - page) return 0;
    return count == 0 ? page : (count + page - 1) / page * page;
}

void *ce_secret_allocate(size_t count, int *is_locked) {
    size_t size = whole_pages(count);
    if (size == 0) {
        errno = ENOMEM;
        return NULL;
    }
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) return NULL;
    if (madvise(place, size, MADV_DONTDUMP) != 0) {
        int error = errno;
        munmap(place, size);
        errno = error;
        return NULL;
    }
    *is_locked = mlock(place, size) == 0;
    return place;
}

void ce_secret_free(void *secret, size_t count) {
    size_t size = whole_pages(count);
    explicit_bzero(secret, size);
    munmap(secret, size);
}

void ce_wipe(void *bytes, size_t count) { explicit_bzero(bytes, count); }

int ce_random(void *bytes, size_t count) {
    uint8_t *next = bytes;
    while (count > 0) {
        ssize_t got = getrandom(next, count, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return 0;
        next += got;
        count -= (size_t)got;
    }
    return 1;
}

const char *const *ce_environment(void) { return (const char *const *)environ; }
