import CLinux
package import Linux

/// Puts a supervised filter on this process and hands its listener to skiff-root. No descriptor of it stays here: when
/// skiff-root is killed, calls fail with ENOSYS instead of waiting for nobody.
package func supervise(_ filter: SyscallFilter, over control: CInt, keeping scope: SupervisorMessage) throws(Errno) {
    let held = try capabilities()
    if held.effective & (1 << UInt64(Capability.sysAdmin)) == 0 { try setNoNewPrivileges() }
    let listener = try installListeningFilter(filter.program)
    try sendMessage([scope.rawValue], descriptor: listener.raw, over: control)
}
