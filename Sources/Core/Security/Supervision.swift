package import Linux

/// Puts a supervised filter on this process and hands its listener to skiff-root. No descriptor of it stays here: when
/// skiff-root is killed, calls fail with ENOSYS instead of waiting for nobody.
///
/// - Parameters:
///   - socket: serves this one handover.
///   - user: the user that skiff-root is to take this process for from the beginning; nil for root. Asking for it
///     afterwards, call by call, would need a look into our memory.
package func supervise(
    _ filter: SyscallFilter, over socket: CInt, keeping scope: SupervisorMessage, as user: ProgramUser? = nil
) throws(Errno) {
    if let user { try become(user, over: socket) }
    let root = try rootFileSystem()
    let held = try capabilities()
    if held.effective & (1 << UInt64(Capability.sysAdmin)) == 0 { try setNoNewPrivileges() }
    let listener = try installListeningFilter(filter.program)
    try sendMessage([scope.rawValue] + root.bytes, descriptor: listener.raw, over: socket)
    // From here on somebody answers: exec is the next call that asks.
    _ = try accepted(over: socket)
}

private func become(_ user: ProgramUser, over socket: CInt) throws(Errno) {
    try sendMessage([SupervisorMessage.identity.rawValue] + user.message, over: socket)
    guard let mark = SupervisedRoot.numbers(try accepted(over: socket), width: 8).first else {
        throw .notConnected
    }
    try setLockLimit(mark, of: processID())
}

private func accepted(over socket: CInt) throws(Errno) -> ArraySlice<UInt8> {
    let answer = try receiveMessage(over: socket)
    guard answer.bytes.first == SupervisorMessage.accepted.rawValue else { throw .notConnected }
    return answer.bytes.dropFirst()
}

private func rootFileSystem() throws(Errno) -> SupervisedRoot {
    let root = try open("/", [.pathOnly, .directory])
    return SupervisedRoot(mount: mountID(of: root.raw) ?? 0, device: try status(of: root.raw).device)
}
