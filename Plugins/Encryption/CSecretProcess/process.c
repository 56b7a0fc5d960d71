#include <csecretprocess.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int hide_process(void) {
    const struct rlimit none = {0, 0};
    /* The libraries have copies of keys. */
    int file = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        if (write(file, "0", 1) != 1) fputs("skiff: core files may have memory\n", stderr);
        close(file);
    }
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ? -1 : 0;
}

void *secret_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    return madvise(memory, size, MADV_DONTDUMP) == 0 ? memory : NULL;
}

ssize_t read_all(int file, void *place, size_t room) {
    size_t count = 0;
    while (count < room) {
        ssize_t got = read(file, (char *)place + count, room - count);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) return (ssize_t)count;
        count += (size_t)got;
    }
    return -1;
}

int write_all(int file, const void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t wrote = write(file, (const char *)bytes + done, count - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return -1;
        done += (size_t)wrote;
    }
    return 0;
}
