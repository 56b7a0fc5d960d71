/* A plugin with networks; what it does is said by --network-args: log=FILE, and deed=NAME. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skiff/all.h>

static const skiff_host *host;

static const char *argument(const skiff_network_request *request, const char *key) {
    size_t length = strlen(key);
    for (uint64_t index = 0; index < request->argument_count; index++) {
        const char *text = request->arguments[index];
        if (strncmp(text, key, length) == 0 && text[length] == '=') return text + length + 1;
    }
    return "";
}

static int asked(const skiff_network_request *request, const char *deed) {
    return strcmp(argument(request, "deed"), deed) == 0;
}

static void tell(const skiff_network_request *request, const char *what, const char *more) {
    char line[512];
    int count = snprintf(line, sizeof line, "%s %s %s%s%s\n", what, request->network, request->interface_name,
                         *more ? " " : "", more);
    int file = open(argument(request, "log"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) return;
    if (write(file, line, (size_t)count) != count) abort();
    close(file);
}

static int32_t fail(int32_t status, const char *why) {
    host->fail(host, status, 0, why);
    return status;
}

static int32_t validate(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request) {
    (void)self, (void)session;
    if (strcmp(request->network, "stranger") == 0) return SKIFF_DECLINED;
    if (asked(request, "refuse")) return fail(SKIFF_E_INVALID, "cannot take this\nLeave it out");
    tell(request, "validate", ID);
    return SKIFF_OK;
}

/* The user namespace in a file; of this process where there is none. */
static int32_t nest(skiff_session *session, const char *path) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    int file = open(*path ? path : "/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    const skiff_namespace wanted = {sizeof wanted, SKIFF_NAMESPACE_USER, SKIFF_NAMESPACE_MODE_NESTED, file, "test"};
    int32_t status = plan->want_namespace(session, &wanted);
    close(file);
    return status;
}

static int32_t prepare(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request) {
    const skiff_host_plan *plan = host->get_extension(host, SKIFF_HOST_PLAN);
    (void)self;
    tell(request, "prepare", "");
    if (asked(request, "join")) {
        int file = open(argument(request, "namespace"), O_RDONLY | O_CLOEXEC);
        const skiff_namespace wanted = {sizeof wanted, SKIFF_NAMESPACE_NETWORK, SKIFF_NAMESPACE_MODE_JOIN, file, "test"};
        int32_t status = plan->want_namespace(session, &wanted);
        close(file);
        return status;
    }
    if (asked(request, "nest")) return nest(session, argument(request, "namespace"));
    if (asked(request, "join-ipc")) {
        const skiff_namespace wanted = {sizeof wanted, SKIFF_NAMESPACE_IPC, SKIFF_NAMESPACE_MODE_JOIN, 0, "test"};
        return plan->want_namespace(session, &wanted);
    }
    return plan->note(session, "a pair of interfaces is made");
}

/* Runs ip(8) in namespaces. */
static int32_t ip(skiff_session *session, const int32_t *namespaces, uint32_t count, const char *words) {
    const skiff_host_run *run = host->get_extension(host, SKIFF_HOST_RUN);
    const char *arguments[] = {"sh", "-c", words, NULL};
    const skiff_command command = {.struct_size = sizeof command, .path = "/bin/sh", .arguments = arguments,
                                   .namespaces = namespaces, .namespace_count = count};
    int32_t status = 0;
    int32_t answer = run->run(session, &command, &status);
    if (answer < 0) return answer;
    return status == 0 ? SKIFF_OK : fail(SKIFF_E_SYSTEM, "cannot set up the interfaces");
}

static int32_t inside(skiff_session *session, const skiff_network_request *request, const skiff_place *place) {
    char words[256];
    int32_t namespaces[2];
    uint32_t count = 0;
    if (place->user_fd >= 0) namespaces[count++] = place->user_fd;
    namespaces[count++] = place->network_fd;
    snprintf(words, sizeof words, "ip link add %s type veth peer name p%s && ip addr add 10.99.%u.2/24 dev %s && ip link set %s up",
             request->interface_name, request->interface_name, request->index, request->interface_name,
             request->interface_name);
    return ip(session, namespaces, count, words);
}

/* One end stays outside: for root. */
static int32_t outside(skiff_session *session, const skiff_network_request *request, const skiff_place *place) {
    const skiff_host_undo *undo = host->get_extension(host, SKIFF_HOST_UNDO);
    const skiff_undo record = {.struct_size = sizeof record, .kind = SKIFF_UNDO_DELETE_LINK, .object = "skiffnet0"};
    char words[256];
    uint64_t handle;
    int32_t status = undo->push(session, &record, &handle);
    if (status < 0) return status;
    snprintf(words, sizeof words, "ip link add skiffnet0 type veth peer name %s netns %d && ip addr add 10.99.7.1/24 dev skiffnet0 && ip link set skiffnet0 up",
             request->interface_name, place->pid);
    return ip(session, NULL, 0, words);
}

/* One end stays in a network namespace that belongs to the user namespace around the container's. */
static int32_t around(skiff_session *session, const skiff_network_request *request, const skiff_place *place) {
    char words[256];
    int32_t namespaces[] = {open(argument(request, "namespace"), O_RDONLY | O_CLOEXEC),
                            open(argument(request, "network"), O_RDONLY | O_CLOEXEC)};
    snprintf(words, sizeof words, "ip link add around type veth peer name %s netns %d && ip addr add 10.99.7.1/24 dev around && ip link set around up",
             request->interface_name, place->pid);
    int32_t status = ip(session, namespaces, 2, words);
    for (int index = 0; index < 2; index++) close(namespaces[index]);
    return status;
}

static int32_t result(skiff_session *session, uint32_t kind, const char *value, const char *detail) {
    const skiff_host_network *network = host->get_extension(host, SKIFF_HOST_NETWORK);
    const skiff_network_result told = {sizeof told, kind, value, detail};
    return network->tell(session, &told);
}

static int32_t results(skiff_session *session, const skiff_network_request *request) {
    char address[64];
    snprintf(address, sizeof address, "10.99.%u.2/24", request->index);
    int32_t status = result(session, SKIFF_NETWORK_ADDRESS, address, NULL);
    if (status == SKIFF_OK) status = result(session, SKIFF_NETWORK_GATEWAY, "10.99.0.1", NULL);
    if (status == SKIFF_OK) status = result(session, SKIFF_NETWORK_ROUTE, "0.0.0.0/0", "10.99.0.1");
    if (request->index > 0) return status;
    if (status == SKIFF_OK) status = result(session, SKIFF_NETWORK_NAME_SERVER, "10.99.0.1", NULL);
    if (status == SKIFF_OK) status = result(session, SKIFF_NETWORK_SEARCH, "example.test", NULL);
    if (status == SKIFF_OK) status = result(session, SKIFF_NETWORK_HOST, "10.99.0.1", "gateway.test gateway");
    if (status == SKIFF_OK) status = result(session, SKIFF_NETWORK_PORT, "127.0.0.1:8080/tcp", "80");
    return status;
}

static int32_t attach(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request,
                      const skiff_place *place) {
    (void)self;
    tell(request, "attach", place->network_fd >= 0 && place->pid > 1 ? "" : "nowhere");
    if (asked(request, "fail")) return fail(SKIFF_E_SYSTEM, "cannot attach this");
    if (asked(request, "crash")) abort();
    if (asked(request, "lie")) return result(session, SKIFF_NETWORK_NAME_SERVER, "1.1.1.1\nnameserver 2.2.2.2", NULL);
    if (asked(request, "lie-host")) return result(session, SKIFF_NETWORK_HOST, "1.1.1.1", "a\tb\n2.2.2.2 c");
    int32_t status = asked(request, "nest") && *argument(request, "network") ? around(session, request, place)
                   : asked(request, "outside") ? outside(session, request, place) : inside(session, request, place);
    return status < 0 ? status : results(session, request);
}

static int32_t detach(const skiff_plugin *self, skiff_session *session, const skiff_network_request *request,
                      const skiff_place *place, const skiff_network_result *told, uint64_t count, uint64_t size) {
    char text[256] = "";
    (void)self;
    for (uint64_t index = 0; index < count; index++) {
        const skiff_network_result *one = (const skiff_network_result *)((const char *)told + index * size);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%u=%s ", one->kind, one->value);
    }
    if (result(session, SKIFF_NETWORK_GATEWAY, "1.2.3.4", NULL) != SKIFF_E_PHASE) strcat(text, "late result");
    tell(request, "detach", place->network_fd >= 0 && place->pid == -1 ? text : "nowhere");
    return asked(request, "detach-fails") ? fail(SKIFF_E_SYSTEM, "cannot detach this") : SKIFF_OK;
}

static const skiff_network network = {sizeof network, 0, validate, prepare, attach, detach};

static const void *get_extension(const skiff_plugin *self, const char *id) {
    (void)self;
    return strcmp(id, SKIFF_EXT_NETWORK) == 0 ? &network : NULL;
}

static const skiff_plugin plugin = {
    .struct_size = sizeof plugin, .abi = SKIFF_ABI_CURRENT, .id = ID, .name = "Network", .version = "1.0",
    .license = "Apache-2.0", .get_extension = get_extension,
};

SKIFF_EXPORT int32_t skiff_plugin_entry(uint32_t abi, const skiff_host *given, const skiff_plugin **out) {
    if (abi != SKIFF_ABI_CURRENT) return SKIFF_E_HOST_TOO_OLD;
    host = given;
    *out = &plugin;
    return SKIFF_OK;
}
