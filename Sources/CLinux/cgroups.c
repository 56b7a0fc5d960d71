#include "clinux.h"

#include <linux/bpf.h>
#include <linux/sched.h>

pid_t skl_clone_into(unsigned long flags, int cgroup) {
    struct clone_args arguments = {.flags = flags | CLONE_INTO_CGROUP, .cgroup = (uint64_t)cgroup};
    /* With CLONE_PARENT the signal is that of the parent's own; clone(2). */
    if (!(flags & CLONE_PARENT)) arguments.exit_signal = SIGCHLD;
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

static int device_programs(int cgroup) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.query.target_fd = (uint32_t)cgroup;
    attributes.query.attach_type = BPF_CGROUP_DEVICE;
    if (syscall(SYS_bpf, BPF_PROG_QUERY, &attributes, sizeof attributes) < 0) return -1;
    return (int)attributes.query.prog_cnt;
}

int skl_attach_device_filter(int cgroup, const uint64_t *instructions, unsigned count) {
    static const char licence[] = "GPL";
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insns = (uint64_t)(uintptr_t)instructions;
    attributes.insn_cnt = count;
    attributes.license = (uint64_t)(uintptr_t)licence;
    int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    if (program < 0) return -1;
    memset(&attributes, 0, sizeof attributes);
    attributes.target_fd = (uint32_t)cgroup;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    int result = (int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes);
    int saved = errno;
    close(program);
    errno = saved;
    if (result < 0) return -1;
    int found = device_programs(cgroup);
    if (found > 0) return 0;
    if (found == 0) errno = ENOENT;
    return -1;
}
