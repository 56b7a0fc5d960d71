import CLinux

/// Attaches a program about devices to a cgroup of version 2; bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE. It takes effect together
/// with those that are attached already, and ends with the cgroup.
/// - Parameter program: `struct bpf_insn` each.
package func attachDeviceFilter(_ program: [UInt64], to cgroup: CInt) throws(Errno) {
    _ = try checked { skl_attach_device_filter(cgroup, program, UInt32(clamping: program.count)) }
}
