/* The memory of libcrypto, which holds key schedules: in no core file, and wiped when it is given back. Where libcrypto works already
 * for somebody else in this process, it keeps the memory that it has. */
#include "library.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

/* Pieces have sizes of a power of two from 32 bytes on; larger ones have a mapping of their own. */
enum { SMALLEST = 5, LARGEST = 16, ARENA = 1 << 18 };

typedef struct piece {
    size_t size; /* of all of it, in bytes */
    struct piece *next;
} piece;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static piece *unused[LARGEST + 1];
static uint8_t *arena, *arena_end;

static void *map(size_t size) {
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) return NULL;
    if (madvise(place, size, MADV_DONTDUMP) == 0) return place;
    munmap(place, size);
    return NULL;
}

/* The lock is held. */
static piece *take(unsigned class) {
    size_t size = (size_t)1 << class;
    piece *found = unused[class];
    if (found) {
        unused[class] = found->next;
        return found;
    }
    if ((size_t)(arena_end - arena) < size) {
        uint8_t *more = map(ARENA);
        if (!more) return NULL;
        arena = more;
        arena_end = more + ARENA;
    }
    found = (piece *)arena;
    arena += size;
    found->size = size;
    return found;
}

static void *allocate(size_t count, const char *file, int line) {
    (void)file, (void)line;
    if (count == 0 || count > SIZE_MAX / 2) return NULL;
    size_t size = count + sizeof(piece);
    piece *made;
    if (size > (size_t)1 << LARGEST) {
        size = (size + 4095) & ~(size_t)4095;
        made = map(size);
        if (made) made->size = size;
    } else {
        unsigned class = SMALLEST;
        while ((size_t)1 << class < size) class++;
        pthread_mutex_lock(&lock);
        made = take(class);
        pthread_mutex_unlock(&lock);
    }
    return made ? made + 1 : NULL;
}

static void release(void *place, const char *file, int line) {
    (void)file, (void)line;
    if (!place) return;
    piece *old = (piece *)place - 1;
    size_t size = old->size;
    explicit_bzero(place, size - sizeof(piece));
    if (size > (size_t)1 << LARGEST) {
        munmap(old, size);
        return;
    }
    unsigned class = SMALLEST;
    while ((size_t)1 << class < size) class++;
    pthread_mutex_lock(&lock);
    old->next = unused[class];
    unused[class] = old;
    pthread_mutex_unlock(&lock);
}

static void *change(void *place, size_t count, const char *file, int line) {
    if (!place) return allocate(count, file, line);
    if (count == 0) {
        release(place, file, line);
        return NULL;
    }
    size_t room = ((piece *)place - 1)->size - sizeof(piece);
    if (count <= room) return place;
    void *made = allocate(count, file, line);
    if (!made) return NULL;
    memcpy(made, place, room);
    release(place, file, line);
    return made;
}

void ce_take_memory_over(void) { (void)ce_library.CRYPTO_set_mem_functions(allocate, change, release); }
