/* A plugin that asks for every kind of entry of the plan, or for the one that --entry names. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <skiff/all.h>

static const skiff_host *host;
static char wanted[64];

static int32_t on_entry(skiff_session *session, const char *name) {
    (void)session;
    snprintf(wanted, sizeof wanted, "%s", name);
    return SKIFF_OK;
}

static int asked(const char *name) { return strcmp(wanted, name) == 0; }
static const skiff_host_plan *plan(void) { return host->get_extension(host, SKIFF_HOST_PLAN); }
static const skiff_host_facts *facts(void) { return host->get_extension(host, SKIFF_HOST_FACTS); }

static int32_t want(skiff_session *session, uint32_t which) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    const skiff_namespace wanted = {sizeof wanted, which, SKIFF_NAMESPACE_MODE_NEW, -1, "test"};
    return plan->want_namespace(session, &wanted);
}

static int32_t prepare(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    if (asked("hostname")) return plan()->set_hostname(session, "named-by-plugin", "test");
    if (asked("sysctl")) {
        int32_t status = want(session, SKIFF_NAMESPACE_NETWORK);
        if (status < 0) return status;
        return plan()->set_sysctl(session, "net.ipv4.ip_unprivileged_port_start", "80", "test");
    }
    if (asked("sysctl-of-host")) return plan()->set_sysctl(session, "kernel.panic", "1", "test");
    if (asked("sysctl-path")) return plan()->set_sysctl(session, "net.../../vm.swappiness", "1", "test");
    if (asked("pid")) return want(session, SKIFF_NAMESPACE_PID);
    return SKIFF_OK;
}

static int32_t link_to(skiff_session *session, const char *target, const char *place) {
    skiff_mount mount;
    memset(&mount, 0, sizeof mount);
    mount.struct_size = sizeof mount;
    mount.kind = SKIFF_MOUNT_KIND_SYMLINK;
    mount.group = SKIFF_MOUNT_GROUP_FILES;
    mount.source = target;
    mount.destination = place;
    mount.reason = "test";
    return plan()->add_mount(session, &mount);
}

static int32_t limit(skiff_session *session, const char *resource, uint64_t soft, uint64_t hard) {
    skiff_limit limit = {sizeof limit, 0, resource, soft, hard, "test"};
    return plan()->add_limit(session, &limit);
}

static int32_t device(skiff_session *session, const char *path, const char *inside, uint32_t minor, uint32_t missing) {
    skiff_device device;
    memset(&device, 0, sizeof device);
    device.struct_size = sizeof device;
    device.path = path;
    device.inside = inside;
    device.type = SKIFF_DEVICE_CHARACTER;
    device.major = 1;
    device.minor = minor;
    device.missing = missing;
    device.reason = "test";
    return plan()->add_device(session, &device);
}

static int32_t mounts(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    if (asked("link")) return link_to(session, "/etc/keep", "/opt/made/link");
    if (asked("link-exists")) return link_to(session, "/etc/passwd", "/etc/keep");
    if (asked("group")) return plan()->add_group(session, 4242, "test");
    if (asked("limit")) {
        int32_t status = limit(session, "RLIMIT_CORE", 0, 4096);
        return status < 0 ? status : limit(session, "RLIMIT_NOFILE", 77, 88);
    }
    if (asked("limit-above")) return limit(session, "RLIMIT_NPROC", SKIFF_LIMIT_INFINITY - 1, SKIFF_LIMIT_INFINITY - 1);
    if (asked("limit-unknown")) return limit(session, "RLIMIT_WIT", 1, 1);
    if (asked("device")) return device(session, "/dev/zero", "/dev/nothing/zero", 5, SKIFF_MISSING_FAIL);
    if (asked("device-other")) return device(session, "/dev/zero", NULL, 3, SKIFF_MISSING_FAIL);
    if (asked("device-owner")) {
        skiff_device owned = {.struct_size = sizeof owned, .path = "/dev/zero", .mode = 0600, .reason = "test"};
        return plan()->add_device(session, &owned);
    }
    return SKIFF_OK;
}

static int32_t variable(skiff_session *session, uint32_t operation, const char *name, const char *value) {
    skiff_variable change = {sizeof change, operation, name, value, "test"};
    return plan()->add_variable(session, &change);
}

static void append(void *context, const char *text) { strncat(context, text, 200); }

static int32_t variables(skiff_session *session) {
    char seen[512] = "";
    int32_t status = variable(session, SKIFF_VARIABLE_PREPEND_PATH, "PATH", "/first $HOME");
    if (status == SKIFF_OK) status = variable(session, SKIFF_VARIABLE_APPEND_PATH, "PATH", "/last");
    if (status == SKIFF_OK) status = variable(session, SKIFF_VARIABLE_PREPEND_PATH, "LD_LIBRARY_PATH", "/lib/first");
    if (status == SKIFF_OK) status = variable(session, SKIFF_VARIABLE_APPEND_PATH, "LD_LIBRARY_PATH", "/lib/last");
    if (status == SKIFF_OK) status = variable(session, SKIFF_VARIABLE_SET, "PLAIN", "a `b` \"c\"");
    if (status == SKIFF_OK) status = variable(session, SKIFF_VARIABLE_SET, "GIVEN", "by the plugin");
    if (status == SKIFF_OK) status = variable(session, SKIFF_VARIABLE_PREPEND_PATH, "JOINED", "/plugin");
    if (status == SKIFF_OK) status = variable(session, SKIFF_VARIABLE_UNSET, "UNWANTED", NULL);
    if (status != SKIFF_OK) return status;
    if (variable(session, SKIFF_VARIABLE_UNSET, "PATH", NULL) != SKIFF_E_UNSUPPORTED) return SKIFF_E_INTERNAL;
    if (plan()->variable(session, "PATH", append, seen) != SKIFF_OK) return SKIFF_E_INTERNAL;
    strcat(seen, "|");
    if (plan()->variable(session, "GIVEN", append, seen) != SKIFF_OK) return SKIFF_E_INTERNAL;
    strcat(seen, "|");
    if (plan()->variable(session, "JOINED", append, seen) != SKIFF_OK) return SKIFF_E_INTERNAL;
    if (plan()->variable(session, "UNWANTED", append, seen) != SKIFF_DECLINED) return SKIFF_E_INTERNAL;
    return variable(session, SKIFF_VARIABLE_SET, "SEEN", seen);
}

static int32_t tell_facts(skiff_session *session) {
    static const char *const texts[] = {"command", "image", "architecture", "user", "home", "cwd", "app", "metadata"};
    static const char *const numbers[] = {"uid",  "inside-uid",     "privileged",  "rootless",       "contain",
                                          "writable", "user-namespace", "minimal-dev", "writable-layers", "explain"};
    char all[2048] = "";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(all + strlen(all), 200, "%s=", texts[i]);
        if (facts()->text(session, texts[i], append, all) == SKIFF_DECLINED) strcat(all, "(none)");
        strcat(all, ";");
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int64_t number = -1;
        facts()->number(session, numbers[i], &number);
        snprintf(all + strlen(all), 200, "%s=%lld;", numbers[i], (long long)number);
    }
    return variable(session, SKIFF_VARIABLE_SET, "FACTS", all);
}

/* ID:TYPE:FILESYSTEM:ROLE of each section, and the first bytes of the file. */
static int32_t tell_image(skiff_session *session) {
    const skiff_host_image *image = host->get_extension(host, SKIFF_HOST_IMAGE);
    char all[2048] = "", head[9] = "";
    uint32_t count = 0;
    uint64_t got = 0;
    int32_t file = -1;
    if (!image || image->section_count(session, &count) != SKIFF_OK) return SKIFF_E_INTERNAL;
    for (uint32_t i = 0; i < count; i++) {
        skiff_section section = {.struct_size = sizeof section};
        if (image->section(session, i, &section) != SKIFF_OK || section.struct_size != sizeof section) return SKIFF_E_INTERNAL;
        snprintf(all + strlen(all), 200, "%u:%x:%u:%u:%s ", section.id, section.type, section.filesystem, section.role, section.name);
        /* An older plugin knows less of it. */
        struct { uint32_t size, id; uint64_t canary; } small = {8, 0, 42};
        if (image->section(session, i, (skiff_section *)&small) != SKIFF_OK || small.id != section.id || small.canary != 42)
            return SKIFF_E_INTERNAL;
    }
    skiff_section none = {.struct_size = sizeof none};
    if (image->section(session, count, &none) != SKIFF_E_INVALID) return SKIFF_E_INTERNAL;
    int32_t status = image->read_at(session, 32, head, 8, &got);
    if (status != image->descriptor(session, &file) || (status == SKIFF_OK) != (file >= 0)) return SKIFF_E_INTERNAL;
    if (status == SKIFF_OK && (image->read_at(session, 1ull << 62, head, 0, &got) != SKIFF_OK || got != 0)) return SKIFF_E_INTERNAL;
    snprintf(all + strlen(all), 200, "%s", status == SKIFF_OK ? head : "a directory");
    return variable(session, SKIFF_VARIABLE_SET, "IMAGE", all);
}

/* Lets everything pass but mkdir(2) and mkdirat(2). */
static int32_t filter(skiff_session *session) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_mkdir
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 1, 0),
#else
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 1, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 95),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    skiff_filter request = {sizeof request, sizeof program / sizeof *program, program, "test"};
    return plan()->add_filter(session, &request);
}

static int32_t environment(const skiff_plugin *self, skiff_session *session) {
    (void)self;
    if (asked("variables")) return variables(session);
    if (asked("path")) return variable(session, SKIFF_VARIABLE_SET, "PATH", "/bin:/plugin");
    if (asked("facts")) return tell_facts(session);
    if (asked("image")) return tell_image(session);
    if (asked("filter")) return filter(session);
    if (asked("capability")) return plan()->drop_capability(session, "CAP_CHOWN", "test");
    if (asked("wrap")) {
        static const char *const words[] = {"/bin/env", "WRAPPED=yes  twice"};
        static const char *const outer[] = {"/bin/env", "OUTER=1"};
        int32_t status = plan()->wrap(session, words, 2, "test");
        return status < 0 ? status : plan()->wrap(session, outer, 2, "test");
    }
    if (asked("wrap-relative")) {
        static const char *const words[] = {"env"};
        return plan()->wrap(session, words, 1, "test");
    }
    return SKIFF_OK;
}

static const skiff_phases phases = {.struct_size = sizeof phases, .prepare = prepare, .mounts = mounts, .environment = environment};
static const skiff_handler handlers[] = {{"entry", "i:cs", (skiff_any_fn)on_entry, 0}};
static const skiff_cli cli = {sizeof cli, 1, handlers, sizeof *handlers};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    if (strcmp(id, SKIFF_EXT_PHASES) == 0) return &phases;
    if (strcmp(id, SKIFF_EXT_CLI) == 0) return &cli;
    return NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = "org.test.entries", .name = "Entries",
    .version = "1.0", .license = "Apache-2.0", .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    if (abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
