/* A plugin that starts helper processes; what it does is chosen by --helper. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skiff/all.h>

static const skiff_host *host;
static char wanted[64];
static char directory[4096];

static int asked(const char *name) { return strcmp(wanted, name) == 0; }
static const skiff_host_run *run(void) { return host->get_extension(host, SKIFF_HOST_RUN); }

static int32_t on_helper(skiff_session *session, const char *name) {
    (void)session;
    snprintf(wanted, sizeof wanted, "%s", name);
    return SKIFF_OK;
}

static int32_t on_directory(skiff_session *session, const char *path) {
    (void)session;
    snprintf(directory, sizeof directory, "%s", path);
    return SKIFF_OK;
}

/* Appends a line to DIRECTORY/log. */
static void tell(const char *what, int number) {
    char path[4200], line[256];
    snprintf(path, sizeof path, "%s/log", directory);
    int count = snprintf(line, sizeof line, "%s %d\n", what, number);
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) return;
    if (write(file, line, (size_t)count) != count) _exit(99);
    close(file);
}

static skiff_command shell(const char *script, const char *const *arguments[static 1]) {
    static const char *words[5];
    words[0] = "sh", words[1] = "-c", words[2] = script, words[3] = directory, words[4] = NULL;
    *arguments = words;
    skiff_command command;
    memset(&command, 0, sizeof command);
    command.struct_size = sizeof command;
    command.path = "/bin/sh";
    command.arguments = words;
    return command;
}

static int32_t start(skiff_session *session, const char *script, int32_t ready, int32_t timeout, int32_t grace) {
    const char *const *words;
    skiff_command command = shell(script, &words);
    command.ready_fd = ready;
    command.timeout_milliseconds = timeout;
    command.grace_milliseconds = grace;
    int32_t pid = 0;
    int32_t status = run()->start(session, &command, &pid);
    tell("start", status);
    return status;
}

static void found(void *context, const char *text) { snprintf(context, 200, "%s", text); }

static int32_t prepare(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    /* It is ready when the file is there, and says goodbye when it may. */
    if (asked("lives"))
        return start(session, "trap 'echo end >$0/bye; exit 0' TERM; echo $$ >$0/pid; echo >&7; while :; do sleep 0.05; done", 7, 0,
                     5000);
    if (asked("stubborn")) return start(session, "trap '' TERM; echo $$ >$0/pid; exec 7>&-; while :; do sleep 0.05; done", 7, 0, 100);
    if (asked("dies")) return start(session, "exit 3", 7, 0, 0);
    if (asked("never-ready")) return start(session, "echo $$ >$0/pid; sleep 100", 7, 200, 0);
    if (asked("ended")) {
        const char *const *words;
        skiff_command command = shell("sleep 100", &words);
        int32_t pid = 0, ended = -1, status = run()->start(session, &command, &pid);
        if (status < 0) return status;
        status = run()->end(session, pid, &ended);
        tell("ended", ended);
        return status == SKIFF_OK && run()->end(session, pid, &ended) == SKIFF_DECLINED ? SKIFF_OK : SKIFF_E_INTERNAL;
    }
    if (asked("run") || asked("slow")) {
        const char *const *words;
        int descriptors[2];
        skiff_command command = shell(asked("run") ? "echo out >&9; exit 7" : "trap '' TERM; echo $$ >$0/pid; sleep 100", &words);
        if (pipe(descriptors) != 0) return SKIFF_E_SYSTEM;
        skiff_run_fd map = {9, descriptors[1]};
        command.fds = &map, command.fd_count = 1, command.fd_size = sizeof map;
        command.timeout_milliseconds = asked("slow") ? 200 : 0;
        command.grace_milliseconds = 100;
        int32_t code = -1, status = run()->run(session, &command, &code);
        close(descriptors[1]);
        char text[16] = "";
        if (read(descriptors[0], text, sizeof text - 1) < 0) return SKIFF_E_SYSTEM;
        close(descriptors[0]);
        tell(strcmp(text, "out\n") == 0 ? "out" : "nothing", code);
        tell("run", status);
        return asked("slow") && status == SKIFF_E_TIMEOUT ? SKIFF_OK : status;
    }
    if (asked("find")) {
        char path[200] = "";
        tell(run()->find_program(session, "sh", found, path) == SKIFF_OK ? path : "none", 0);
        tell("missing", run()->find_program(session, "no-such-program", found, path));
        tell("slash", run()->find_program(session, "../sh", found, path));
        tell(run()->find_program(session, "only-in-path", found, path) == SKIFF_OK ? "found" : "not found", 0);
    }
    return SKIFF_OK;
}

static int32_t stopped(const skiff_plugin *self, skiff_session *session, int32_t status) {
    (void)self, (void)session;
    char path[4200];
    snprintf(path, sizeof path, "%s/bye", directory);
    tell(access(path, F_OK) == 0 ? "stopped after goodbye" : "stopped", status);
    return SKIFF_OK;
}

#ifdef WITH_STOPPED
static const skiff_phases phases = {.struct_size = sizeof phases, .prepare = prepare, .stopped = stopped};
#else
static const skiff_phases phases = {.struct_size = sizeof phases, .prepare = prepare};
int32_t (*const unused)(const skiff_plugin *, skiff_session *, int32_t) = stopped;
#endif
static const skiff_handler handlers[] = {
    {"helper", "i:cs", (skiff_any_fn)on_helper, 0},
    {"directory", "i:cp", (skiff_any_fn)on_directory, 0},
};
static const skiff_cli cli = {sizeof cli, 2, handlers, sizeof *handlers};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = ID, .name = "Helpers", .version = "1.0",
    .license = "Apache-2.0", .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    if (abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
