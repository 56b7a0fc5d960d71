#include "cbridgenet.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nftables/libnftables.h>

/* Opened when rules are needed, not with the plugin: it costs more than a launch. */
typedef struct {
    struct nft_ctx *(*make)(uint32_t);
    int (*run)(struct nft_ctx *, const char *);
    int (*buffer_output)(struct nft_ctx *);
    int (*buffer_errors)(struct nft_ctx *);
    const char *(*errors)(struct nft_ctx *);
    void (*free)(struct nft_ctx *);
} bn_library;

static bool open_library(bn_library *library) {
    void *handle = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return false;
    *(void **)&library->make = dlsym(handle, "nft_ctx_new");
    *(void **)&library->run = dlsym(handle, "nft_run_cmd_from_buffer");
    *(void **)&library->buffer_output = dlsym(handle, "nft_ctx_buffer_output");
    *(void **)&library->buffer_errors = dlsym(handle, "nft_ctx_buffer_error");
    *(void **)&library->errors = dlsym(handle, "nft_ctx_get_error_buffer");
    *(void **)&library->free = dlsym(handle, "nft_ctx_free");
    return library->make && library->run && library->buffer_output && library->buffer_errors && library->errors && library->free;
}

int bn_nft(const char *commands, char *why, size_t size) {
    static bn_library library;
    why[0] = 0;
    if (!library.make && !open_library(&library)) return -1;
    struct nft_ctx *context = library.make(NFT_CTX_DEFAULT);
    if (!context) return -1;
    library.buffer_output(context);
    library.buffer_errors(context);
    int result = library.run(context, commands) == 0 ? 0 : 1;
    if (result) {
        const char *words = library.errors(context);
        snprintf(why, size, "%s", words ? words : "");
    }
    library.free(context);
    return result;
}

int bn_memory_file(const void *bytes, size_t count) {
    int file = memfd_create("bridge-net", MFD_CLOEXEC);
    if (file < 0) return -1;
    const char *rest = bytes;
    while (count > 0) {
        ssize_t done = write(file, rest, count);
        if (done < 0) {
            if (errno == EINTR) continue;
            close(file);
            return -1;
        }
        rest += done;
        count -= (size_t)done;
    }
    lseek(file, 0, SEEK_SET);
    return file;
}

int bn_bind(const uint8_t *address, size_t size, uint16_t port, int is_udp) {
    int type = (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
    int file = socket(size == 4 ? AF_INET : AF_INET6, type, 0);
    if (file < 0) return -1;
    int done;
    if (size == 4) {
        struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&place.sin_addr, address, 4);
        done = bind(file, (struct sockaddr *)&place, sizeof place);
    } else {
        int one = 1;
        struct sockaddr_in6 place = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&place.sin6_addr, address, 16);
        setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
        done = bind(file, (struct sockaddr *)&place, sizeof place);
    }
    if (done == 0) return file;
    int error = errno;
    close(file);
    errno = error;
    return -1;
}
