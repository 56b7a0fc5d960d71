/* skiff.cli/2: handlers for the flags and commands that the manifest names, given by the plugin.
 *
 * A handler is an ordinary C function and a signature, which must equal the one in the manifest:
 *     signature = result ':' parameter...
 *     result      i  int32_t, a status          v  void
 *     parameters  c  skiff_session *            h  const skiff_host *        x  void *, data of skiff_plugin
 *                 i  int32_t                    u  uint32_t                  b  int32_t, 0 or 1
 *                 l  int64_t                    L  uint64_t
 *                 s  const char *, text         p  const char *, path
 *                 S  const char *const *, uint64_t   an array of texts and its count
 *                 B  const void *, uint64_t          bytes and their count
 *                 f  int32_t, borrowed descriptor    F  int32_t, descriptor given away
 * At most twelve parameters. A handler that takes fewer trailing parameters than the host offers gets those it takes.
 *
 * What the host offers by the flag's type: bool "i:cb", int "i:cl", string "i:cs", path "i:cp", strings "i:cS". c, x
 * and h are filled in wherever a handler asks for them. For a command: "i:cS", the words after its name; such a
 * handler, and only it, may write to stdout. */
#ifndef SKIFF_CLI_H
#define SKIFF_CLI_H

#include "plugin.h"

SKIFF_BEGIN

#define SKIFF_EXT_CLI "skiff.cli/2"

typedef void (*skiff_any_fn)(void);

typedef struct skiff_handler {
    const char *name; /* the manifest's handler = */
    const char *signature;
    skiff_any_fn fn; /* [parent] called with natural arguments; flags before configure, in the manifest's order */
    uint64_t reserved; /* 0 */
} skiff_handler;

typedef struct skiff_cli {
    uint32_t struct_size;
    uint32_t handler_count;
    const skiff_handler *handlers; /* the plugin's, for the life of the process */
    uint64_t handler_size;         /* sizeof(skiff_handler) */
} skiff_cli;

SKIFF_END

#endif
