#include "ccurl.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The macros of curl.h check types of arguments by the functions' own names. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *);
    void (*easy_reset)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    CURLcode (*easy_perform)(CURL *);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
    time_t (*getdate)(const char *, const time_t *);
} library;

static int is_open;

static void open_library(void) {
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return;
    const struct {
        const char *name;
        void **place;
    } symbols[] = {
        {"curl_global_init", (void **)&library.global_init},
        {"curl_easy_init", (void **)&library.easy_init},
        {"curl_easy_cleanup", (void **)&library.easy_cleanup},
        {"curl_easy_reset", (void **)&library.easy_reset},
        {"curl_easy_setopt", (void **)&library.easy_setopt},
        {"curl_easy_getinfo", (void **)&library.easy_getinfo},
        {"curl_easy_perform", (void **)&library.easy_perform},
        {"curl_easy_strerror", (void **)&library.easy_strerror},
        {"curl_slist_append", (void **)&library.slist_append},
        {"curl_slist_free_all", (void **)&library.slist_free_all},
        {"curl_getdate", (void **)&library.getdate},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (!(*symbols[i].place = dlsym(handle, symbols[i].name))) return;
    /* A connection that breaks while we write is an error like others, not an end. */
    signal(SIGPIPE, SIG_IGN);
    is_open = library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static int need_library(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return is_open;
}

struct skl_http {
    CURL *easy;
};

skl_http *skl_http_new(void) {
    if (!need_library()) return NULL;
    skl_http *http = calloc(1, sizeof *http);
    if (http && !(http->easy = library.easy_init())) {
        free(http);
        http = NULL;
    }
    return http;
}

void skl_http_free(skl_http *http) {
    if (http) library.easy_cleanup(http->easy);
    free(http);
}

int64_t skl_http_date(const char *text) { return need_library() ? (int64_t)library.getdate(text, NULL) : -1; }

/* One exchange under way. */
struct transfer {
    const skl_http_exchange *exchange;
    int64_t sent;
    int stopped, unreadable, stalled;
    /* Bytes of both directions that were seen, and when they last were more than before. */
    curl_off_t moved;
    int64_t moved_at;
};

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    (void)size;
    if (transfer->exchange->on_header(transfer->exchange->context, bytes, count) == 0) return count;
    transfer->stopped = 1;
    return 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    (void)size;
    if (transfer->exchange->on_body(transfer->exchange->context, bytes, count) == 0) return count;
    transfer->stopped = 1;
    return count ? 0 : 1;
}

static size_t give_body(char *buffer, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    const skl_http_exchange *exchange = transfer->exchange;
    int64_t left = exchange->body_size - transfer->sent;
    size_t wanted = size * count;
    if (left <= 0) return 0;
    if ((int64_t)wanted > left) wanted = (size_t)left;
    if (exchange->body) {
        memcpy(buffer, (const char *)exchange->body + transfer->sent, wanted);
    } else {
        ssize_t got;
        do got = pread(exchange->body_fd, buffer, wanted, exchange->body_offset + transfer->sent);
        while (got < 0 && errno == EINTR);
        if (got <= 0) {
            transfer->unreadable = 1;
            return CURL_READFUNC_ABORT;
        }
        wanted = (size_t)got;
    }
    transfer->sent += (int64_t)wanted;
    return wanted;
}

/* A kept connection may turn out dead after the first bytes; libcurl then starts the body again. */
static int seek_body(void *context, curl_off_t offset, int origin) {
    struct transfer *transfer = context;
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    transfer->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static int note_progress(void *context, curl_off_t all, curl_off_t got, curl_off_t all_up, curl_off_t sent) {
    struct transfer *transfer = context;
    (void)all, (void)all_up;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (got + sent != transfer->moved || !transfer->moved_at) {
        transfer->moved = got + sent;
        transfer->moved_at = now.tv_sec;
    } else if (now.tv_sec - transfer->moved_at > transfer->exchange->stall_seconds) {
        transfer->stalled = 1;
        return 1;
    }
    if (transfer->exchange->on_sent(transfer->exchange->context, sent) == 0) return 0;
    transfer->stopped = 1;
    return 1;
}

static int problem(const struct transfer *transfer, CURLcode code) {
    if (code == CURLE_OK) return SKL_HTTP_NONE;
    if (transfer->stopped) return SKL_HTTP_STOPPED;
    if (transfer->stalled) return SKL_HTTP_STALLED;
    if (transfer->unreadable) return SKL_HTTP_BODY;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return SKL_HTTP_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT: return SKL_HTTP_STALLED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM: return SKL_HTTP_TLS;
    case CURLE_SSL_CONNECT_ERROR: return SKL_HTTP_NOT_HTTP_TLS;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return SKL_HTTP_CUT;
    default: return SKL_HTTP_OTHER;
    }
}

static void set_up(CURL *easy, struct transfer *transfer, struct curl_slist *headers, char *error) {
    const skl_http_exchange *exchange = transfer->exchange;
    CURLcode (*set)(CURL *, CURLoption, ...) = library.easy_setopt;
    library.easy_reset(easy);
    set(easy, CURLOPT_ERRORBUFFER, error);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_URL, exchange->url);
    set(easy, CURLOPT_HTTPHEADER, headers);
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    set(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    set(easy, CURLOPT_CONNECTTIMEOUT, exchange->connect_seconds);
    set(easy, CURLOPT_TIMEOUT_MS, exchange->limit_milliseconds);
    set(easy, CURLOPT_BUFFERSIZE, exchange->buffer_size);
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (exchange->proxy) set(easy, CURLOPT_PROXY, exchange->proxy);
    if (exchange->ca_file) set(easy, CURLOPT_CAINFO, exchange->ca_file);
    if (exchange->ca_directory) set(easy, CURLOPT_CAPATH, exchange->ca_directory);
    if (exchange->unix_socket) set(easy, CURLOPT_UNIX_SOCKET_PATH, exchange->unix_socket);
    set(easy, CURLOPT_HEADERFUNCTION, take_header);
    set(easy, CURLOPT_HEADERDATA, transfer);
    set(easy, CURLOPT_WRITEFUNCTION, take_body);
    set(easy, CURLOPT_WRITEDATA, transfer);
    set(easy, CURLOPT_XFERINFOFUNCTION, note_progress);
    set(easy, CURLOPT_XFERINFODATA, transfer);
    set(easy, CURLOPT_NOPROGRESS, 0L);
    if (strcmp(exchange->method, "HEAD") == 0) {
        set(easy, CURLOPT_NOBODY, 1L);
    } else if (exchange->body_size >= 0) {
        set(easy, CURLOPT_UPLOAD, 1L);
        set(easy, CURLOPT_READFUNCTION, give_body);
        set(easy, CURLOPT_READDATA, transfer);
        set(easy, CURLOPT_SEEKFUNCTION, seek_body);
        set(easy, CURLOPT_SEEKDATA, transfer);
        set(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->body_size);
        set(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
    } else if (strcmp(exchange->method, "GET") != 0) {
        set(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
    }
}

void skl_http_perform(skl_http *http, const skl_http_exchange *exchange, skl_http_result *result) {
    struct transfer transfer = {.exchange = exchange};
    struct curl_slist *headers = NULL;
    char error[CURL_ERROR_SIZE] = "";
    memset(result, 0, sizeof *result);
    for (const char *const *line = exchange->headers; *line; line++) {
        struct curl_slist *longer = library.slist_append(headers, *line);
        if (!longer) break;
        headers = longer;
    }
    set_up(http->easy, &transfer, headers, error);
    CURLcode code = library.easy_perform(http->easy);
    result->problem = problem(&transfer, code);
    library.easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &result->status);
    curl_off_t seconds = 0;
    library.easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &seconds);
    result->retry_after = (long)seconds;
    const char *text = error[0] ? error : library.easy_strerror(code);
    strncpy(result->text, text, sizeof result->text - 1);
    /* The header list and the error buffer end with this call. */
    library.easy_reset(http->easy);
    library.slist_free_all(headers);
}
