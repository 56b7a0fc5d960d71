/* The functions of libseccomp that are called, found by name at the first use: no other command should load it. Only its
 * header is used when building. */
#ifndef SKIFF_CSECCOMP_H
#define SKIFF_CSECCOMP_H

#include <seccomp.h>
#include <stdint.h>

#define SKL_SECCOMP_FUNCTIONS(FUNCTION) \
    FUNCTION(arch_add) \
    FUNCTION(arch_exist) \
    FUNCTION(arch_native) \
    FUNCTION(attr_set) \
    FUNCTION(export_bpf) \
    FUNCTION(init) \
    FUNCTION(release) \
    FUNCTION(rule_add_array) \
    FUNCTION(syscall_resolve_name)

/* `seccomp_NAME` under NAME. */
typedef struct skl_seccomp {
#define FUNCTION(name) __typeof__(seccomp_##name) *name;
    SKL_SECCOMP_FUNCTIONS(FUNCTION)
#undef FUNCTION
} skl_seccomp;

/* NULL when libseccomp.so.2 or one of the functions cannot be found. */
const skl_seccomp *skl_seccomp_library(void);

/* SCMP_ARCH_X as the compiler of another language can see it. */
#define SKL_ARCHITECTURE(name) static const uint32_t SKL_ARCH_##name = SCMP_ARCH_##name
SKL_ARCHITECTURE(X86);
SKL_ARCHITECTURE(X86_64);
SKL_ARCHITECTURE(X32);
SKL_ARCHITECTURE(ARM);
SKL_ARCHITECTURE(AARCH64);
SKL_ARCHITECTURE(PPC64LE);
SKL_ARCHITECTURE(RISCV64);
#undef SKL_ARCHITECTURE

/* What __NR_SCMP_ERROR and the macros of actions stand for. */
static const int SKL_SECCOMP_NO_CALL = __NR_SCMP_ERROR;
static const uint32_t SKL_ACT_KILL_PROCESS = SCMP_ACT_KILL_PROCESS;
static const uint32_t SKL_ACT_KILL_THREAD = SCMP_ACT_KILL_THREAD;
static const uint32_t SKL_ACT_TRAP = SCMP_ACT_TRAP;
static const uint32_t SKL_ACT_LOG = SCMP_ACT_LOG;
static const uint32_t SKL_ACT_ALLOW = SCMP_ACT_ALLOW;
static inline uint32_t skl_act_errno(uint16_t number) { return SCMP_ACT_ERRNO(number); }
static inline uint32_t skl_act_trace(uint16_t number) { return SCMP_ACT_TRACE(number); }

#endif
