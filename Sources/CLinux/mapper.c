/* The device mapper, by its ioctls; <linux/dm-ioctl.h>. */
#include "clinux.h"

#include <linux/dm-ioctl.h>
#include <stddef.h>
#include <string.h>

/* A request, with room for a table of one target. */
typedef struct request {
    struct dm_ioctl head;
    struct dm_target_spec target;
    char parameters[SKL_MAPPER_PARAMETERS];
} request;

static void begin(struct dm_ioctl *head, size_t size, uint32_t flags) {
    /* Nothing here is newer than the first version of the interface, and what is newer is told by its answers. */
    head->version[0] = DM_VERSION_MAJOR;
    head->data_size = (uint32_t)size;
    head->data_start = sizeof *head;
    head->flags = flags;
}

static int name_it(struct dm_ioctl *head, const char *name) {
    if (strlen(name) >= sizeof head->name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(head->name, name);
    return 0;
}

static int plain(int control, unsigned long command, const char *name, uint32_t flags, struct dm_ioctl *head) {
    memset(head, 0, sizeof *head);
    begin(head, sizeof *head, flags);
    return name_it(head, name) != 0 ? -1 : ioctl(control, command, head);
}

int skl_mapper_target(int control, const char *name, uint32_t version[3]) {
    struct {
        struct dm_ioctl head;
        /* A struct dm_target_versions with a name behind it. */
        char found[sizeof(struct dm_target_versions) + 4096];
    } answer = {0};
    begin(&answer.head, sizeof answer, 0);
    /* It loads the module. */
    if (name_it(&answer.head, name) != 0 || ioctl(control, DM_GET_TARGET_VERSION, &answer) != 0) return -1;
    memcpy(version, answer.found + offsetof(struct dm_target_versions, version), 3 * sizeof *version);
    return 0;
}

int skl_mapper_create(int control, const char *name, dev_t *device) {
    struct dm_ioctl head;
    if (plain(control, DM_DEV_CREATE, name, DM_READONLY_FLAG, &head) != 0) return -1;
    *device = makedev((unsigned)(head.dev >> 8 & 0xFFF), (unsigned)(head.dev & 0xFF) | (unsigned)(head.dev >> 12 & 0xFFF00));
    return 0;
}

int skl_mapper_load(int control, const char *name, const char *target, uint64_t sectors, const char *parameters) {
    request table = {0};
    begin(&table.head, sizeof table, DM_READONLY_FLAG);
    if (name_it(&table.head, name) != 0) return -1;
    if (strlen(target) >= sizeof table.target.target_type || strlen(parameters) >= sizeof table.parameters) {
        errno = EOVERFLOW;
        return -1;
    }
    table.head.target_count = 1;
    table.target.length = sectors;
    table.target.next = (uint32_t)(sizeof table.target + sizeof table.parameters);
    strcpy(table.target.target_type, target);
    strcpy(table.parameters, parameters);
    return ioctl(control, DM_TABLE_LOAD, &table);
}

int skl_mapper_resume(int control, const char *name) {
    struct dm_ioctl head;
    return plain(control, DM_DEV_SUSPEND, name, 0, &head);
}

int skl_mapper_remove(int control, const char *name, int deferred) {
    struct dm_ioctl head;
    return plain(control, DM_DEV_REMOVE, name, deferred ? DM_DEFERRED_REMOVE : 0, &head);
}

int skl_mapper_open_count(int control, const char *name) {
    struct dm_ioctl head;
    return plain(control, DM_DEV_STATUS, name, 0, &head) != 0 ? -1 : head.open_count;
}

long skl_mapper_names(int control, char *names, size_t size) {
    static struct {
        struct dm_ioctl head;
        _Alignas(8) char list[1 << 16];
    } answer;
    memset(&answer, 0, sizeof answer);
    begin(&answer.head, sizeof answer, 0);
    if (ioctl(control, DM_LIST_DEVICES, &answer) != 0) return -1;
    if (answer.head.flags & DM_BUFFER_FULL_FLAG) {
        errno = EOVERFLOW;
        return -1;
    }
    size_t used = 0, at = 0;
    for (;;) {
        const struct dm_name_list *item = (const void *)(answer.list + at);
        /* An empty list is one of a device without a number. */
        if (item->dev == 0) break;
        size_t length = strnlen(item->name, sizeof answer.list - at - offsetof(struct dm_name_list, name));
        if (length + 1 > size - used) {
            errno = EOVERFLOW;
            return -1;
        }
        memcpy(names + used, item->name, length);
        names[used + length] = '\n';
        used += length + 1;
        if (item->next == 0 || item->next > sizeof answer.list - at - sizeof *item) break;
        at += item->next;
    }
    return (long)used;
}
