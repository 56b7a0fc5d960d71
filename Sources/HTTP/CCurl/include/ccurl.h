/* One HTTP exchange over libcurl, whose functions are variadic and so closed to Swift. libcurl is opened at the first
 * exchange: most runs of skiff-image talk to nobody, and should not wait for its twenty libraries. */
#ifndef SKIFF_CCURL_H
#define SKIFF_CCURL_H

#include <stddef.h>
#include <stdint.h>

/* A connection that is kept between exchanges; used by one thread at a time. */
typedef struct skl_http skl_http;

typedef struct skl_http_exchange {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", ends with NULL */
    const void *body;           /* body_size bytes, or NULL */
    int body_fd;                /* the body lies here at body_offset, when body is NULL and this is not negative */
    int64_t body_offset;
    int64_t body_size;          /* negative for no body */
    const char *proxy;          /* NULL: what libcurl finds in the environment; "": none */
    const char *ca_file;        /* NULL: libcurl's own */
    const char *ca_directory;
    const char *unix_socket;    /* NULL: TCP */
    long connect_seconds;
    long stall_seconds;         /* an exchange that moves nothing for so long has failed */
    long buffer_size;           /* bytes that are read at once; libcurl keeps it between 1 KiB and 10 MiB */
    long limit_milliseconds;    /* for the exchange as a whole; 0 for none */
    void *context;
    /* Each answers 0 to go on. A header line comes with its line end; a status line begins a new head. */
    int (*on_header)(void *context, const char *bytes, size_t count);
    int (*on_body)(void *context, const void *bytes, size_t count);
    int (*on_sent)(void *context, int64_t bytes);
} skl_http_exchange;

enum skl_http_problem {
    SKL_HTTP_NONE,
    SKL_HTTP_STOPPED,     /* a callback said so */
    SKL_HTTP_UNREACHABLE, /* no name, no connection */
    SKL_HTTP_TLS,         /* the other side is not who it should be */
    SKL_HTTP_STALLED,
    SKL_HTTP_CUT, /* the connection ended early */
    SKL_HTTP_NOT_HTTP_TLS, /* https was spoken to somebody who does not */
    SKL_HTTP_BODY, /* the body could not be read */
    SKL_HTTP_OTHER
};

typedef struct skl_http_result {
    int problem; /* enum skl_http_problem */
    long status;
    long retry_after; /* seconds, 0 for none */
    char text[256];   /* libcurl's words */
} skl_http_result;

/* NULL when libcurl cannot be opened or there is no memory. */
skl_http *skl_http_new(void);
void skl_http_free(skl_http *http);
void skl_http_perform(skl_http *http, const skl_http_exchange *exchange, skl_http_result *result);

/* Seconds since 1970 of an HTTP date, -1 for none. */
int64_t skl_http_date(const char *text);

#endif
