/* Memory and files for secrets. */
#include "clinux.h"

#include <sys/mman.h>

void *skl_secret_map(size_t size) {
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) return NULL;
    if (madvise(place, size, MADV_DONTDUMP) == 0 && madvise(place, size, MADV_WIPEONFORK) == 0 && mlock(place, size) == 0)
        return place;
    int error = errno;
    munmap(place, size);
    errno = error;
    return NULL;
}

void skl_secret_unmap(void *place, size_t size) {
    explicit_bzero(place, size);
    munmap(place, size);
}

int skl_secret_file(const char *name, const void *bytes, size_t count) {
    int file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return -1;
    const char *next = bytes;
    for (size_t done = 0; done < count;) {
        ssize_t written = pwrite(file, next + done, count - done, (off_t)done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) goto failed;
        done += (size_t)written;
    }
    if (fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0) return file;
failed:;
    int error = errno;
    close(file);
    errno = error;
    return -1;
}

int skl_is_sealed(int file) {
    const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int seals = fcntl(file, F_GET_SEALS);
    return seals >= 0 && (seals & wanted) == wanted;
}

long skl_key_read(const char *name, void *buffer, size_t size) {
    long key = syscall(SYS_request_key, "user", name, NULL, 0);
    return key < 0 ? -1 : syscall(SYS_keyctl, 11 /* KEYCTL_READ */, key, buffer, size);
}

int skl_key_lend(const char *name, const void *bytes, size_t count) {
    return (int)syscall(SYS_add_key, "logon", name, bytes, count, -1 /* KEY_SPEC_THREAD_KEYRING */);
}

void skl_key_end(int key) {
    syscall(SYS_keyctl, 3 /* KEYCTL_REVOKE */, key);
    syscall(SYS_keyctl, 9 /* KEYCTL_UNLINK */, key, -1 /* KEY_SPEC_THREAD_KEYRING */);
}
