/* skiff's plugin interface: the entry function and the three root objects.
 *
 * A plugin is a shared library and a manifest, <id>.plugin, next to it. The manifest is data and serves help, parsing
 * and routing; the library is opened only when something that the manifest names is used. Everything beyond this file
 * is asked for by a string id with a revision, such as "skiff.phases/1". The revision rises with every change of the table and stays
 * what it is when the interface becomes stable; the meaning of an id never changes.
 *
 * Marks on every function
 *   [parent]  called in the process that started the command, by one thread at a time
 *   [child]   called in the new process, inside its namespaces, by its only thread
 *   [any]     may be called from anywhere
 *
 * Ownership  Arguments live until the call returns; a callee copies what it keeps. Results come through a callback or
 *   an out parameter of a scalar, so nothing that one side allocated is freed by the other. Pointers to tables live as
 *   long as the process. Descriptors are borrowed unless the name of the parameter begins with take_; all are
 *   close-on-exec. Text is UTF-8 and ends with NUL; paths are bytes that end with NUL; secrets are pointer and length.
 *
 * Manners  A plugin does not exit, abort, throw or longjmp across the border; does not write to stdout or stderr; does
 *   not change the working directory, umask, signal mask, locale or environment; leaves no thread or process running when
 *   it returns. The host undoes and tells what it can, and ends the command otherwise. A plugin is never unloaded.
 *
 * Sizes  A struct that describes a request begins with struct_size = sizeof of it. The receiver zero-extends a shorter
 *   one; a longer one is taken when the part that the receiver does not know is zero, else SKIFF_E_NOT_UNDERSTOOD.
 *   A table of functions begins the same way: slots beyond struct_size count as NULL, which means "not provided".
 *   The host never passes a longer struct than the plugin's abi knows, and an array of structs comes with the size of
 *   one element, by which both sides step.
 *
 * The interface is a draft while the major number is 0: tables may still change between minor numbers. */
#ifndef SKIFF_PLUGIN_H
#define SKIFF_PLUGIN_H

#include "private/macros.h"

SKIFF_BEGIN

#define SKIFF_ABI(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
#define SKIFF_ABI_MAJOR 0
#define SKIFF_ABI_MINOR 2
/* SKIFF_ABI(SKIFF_ABI_MAJOR, SKIFF_ABI_MINOR), as a plain number for binding generators. */
#define SKIFF_ABI_CURRENT 2

/* Status of every call. */
#define SKIFF_OK 0
#define SKIFF_DECLINED 1            /* not mine; ask the next */
#define SKIFF_E_INVALID (-1)          /* an argument or option is wrong */
#define SKIFF_E_UNSUPPORTED (-2)      /* understood, but not possible here */
#define SKIFF_E_DENIED (-3)           /* not allowed */
#define SKIFF_E_SYSTEM (-4)           /* the kernel or another program said no */
#define SKIFF_E_NOT_UNDERSTOOD (-5)   /* the request comes from a newer interface */
#define SKIFF_E_HOST_TOO_OLD (-6)     /* the plugin needs something that this host lacks */
#define SKIFF_E_INTERNAL (-7)         /* a defect of the plugin or of the host */
#define SKIFF_E_PHASE (-8)            /* not in this phase, or not in a call of the host at all */
#define SKIFF_E_CANCELLED (-9)        /* the user wants to stop */
#define SKIFF_E_TIMEOUT (-10)         /* it took too long */

/* Receives one text, which lives until the callback returns. */
typedef void skiff_text_fn(void *context, const char *text);

/* Levels of log; the numbers are those of --debug, --verbose and the rest. */
#define SKIFF_LOG_ERROR (-3)
#define SKIFF_LOG_WARNING (-2)
#define SKIFF_LOG_INFO 1
#define SKIFF_LOG_VERBOSE 2
#define SKIFF_LOG_DEBUG 5

typedef struct skiff_host skiff_host;
typedef struct skiff_host_ctx skiff_host_ctx; /* the host's own; opaque */
typedef struct skiff_plugin skiff_plugin;
/* One command of the user, from configure to stopped; opaque. A session pointer is valid during the call only. */
typedef struct skiff_session skiff_session;

/* What the host gives to the plugin. Lives as long as the process. */
struct skiff_host {
    uint32_t struct_size;
    uint32_t abi;
    const char *version; /* of the program, for messages only */
    skiff_host_ctx *ctx;
    /* [any] A table of the host by id, or NULL when this host does not have it. Ids are compared byte by byte. */
    const void *(*get_extension)(const skiff_host *host, const char *id);
    /* [any] One line without a line end; the host adds the plugin's id and its own format. */
    void (*log)(const skiff_host *host, int32_t level, const char *message);
    /* [parent][child] Says why the negative status that the plugin is about to return: once, "cannot <verb> <object>". With
     * os_errno other than 0 the host appends the kernel's text. A second line of message, after a line feed, is the hint:
     * a whole sentence that names the one thing that helps. */
    void (*fail)(const skiff_host *host, int32_t status, int32_t os_errno, const char *message);
};

/* What the plugin gives to the host. Lives as long as the process; owned by the plugin. */
struct skiff_plugin {
    uint32_t struct_size;
    uint32_t abi; /* SKIFF_ABI_CURRENT of the header that the plugin was built with */
    const char *id; /* reverse-domain name, equal to the manifest's */
    const char *name; /* for people */
    const char *version; /* equal to the manifest's */
    const char *license; /* SPDX expression */
    void *data; /* the plugin's own; handed to typed handlers that ask for it */
    /* [parent] Once, before any other call. Cheap: nothing is looked at, opened or started. May be NULL. */
    int32_t (*init)(const skiff_plugin *self);
    /* [parent] Once, when the command ends in order; tables stay valid. May be NULL. */
    void (*deinit)(const skiff_plugin *self);
    /* [parent][child] A table of the plugin by id, or NULL. Ids are compared byte by byte. */
    const void *(*get_extension)(const skiff_plugin *self, const char *id);
};

/* The entry function. [parent] Called once after loading; fills *out and returns SKIFF_OK, or a negative status when
 * host_abi is too old for it. Has no side effect. */
#define SKIFF_ENTRY_SYMBOL "skiff_plugin_entry"
typedef int32_t skiff_plugin_entry_fn(uint32_t host_abi, const skiff_host *host, const skiff_plugin **out);

SKIFF_END

#endif
