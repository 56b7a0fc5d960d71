#define _GNU_SOURCE
#include "crash_marker.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Written by the one thread that calls plugins, read by the handler in the same thread. */
static char marker[256];
static volatile size_t marker_length;

static void on_crash(int signal_number) {
    size_t length = marker_length;
    if (length) {
        ssize_t ignored = write(2, marker, length);
        (void)ignored;
    }
    /* SA_RESETHAND has restored the default action; pending until the handler returns. */
    raise(signal_number);
}

static void install(void) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) sigaction(fatal[i], &action, NULL);
}

void skl_crash_marker_set(const char *what) {
    static int installed;
    if (!installed) {
        installed = 1;
        install();
    }
    marker_length = 0;
    if (!what) return;
    static const char before[] = "FATAL:   plugin ", after[] = " crashed\n";
    size_t length = strnlen(what, 200);
    memcpy(marker, before, sizeof before - 1);
    memcpy(marker + sizeof before - 1, what, length);
    memcpy(marker + sizeof before - 1 + length, after, sizeof after - 1);
    marker_length = sizeof before - 1 + length + sizeof after - 1;
}
