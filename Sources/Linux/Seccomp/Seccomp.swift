package import CLinux

/// Returns whether this kernel can hand system calls to another process (SECCOMP_RET_USER_NOTIF, Linux 5.0), and lets
/// us do so, since we may be filtered ourselves; seccomp(2) SECCOMP_GET_ACTION_AVAIL.
package func hasSystemCallListeners() -> Bool { skl_seccomp_has(SKL_SECCOMP_NOTIFY) != 0 }

/// Puts a filter on this thread and all that it starts; seccomp(2). Needs no_new_privs or CAP_SYS_ADMIN.
/// - Parameter program: instructions of BPF, eight bytes each, in the byte order of this machine.
package func installFilter(_ program: [UInt8]) throws(Errno) { _ = try install(program, flags: 0) }

/// Whether a filter of system calls is in force for this thread; prctl(2) PR_GET_SECCOMP.
package func hasFilter() -> Bool { skl_prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 }

/// The same for a filter that asks a listener.
/// - Returns: the listener.
/// - Throws: `EBUSY` where a filter of ours has a listener already.
package func installListeningFilter(_ program: [UInt8]) throws(Errno) -> OwnedFD {
    let flags = SKL_SECCOMP_NEW_LISTENER
    do throws(Errno) {
        // Only a fatal signal interrupts a call being answered (Linux 5.19): otherwise it could be done twice.
        return OwnedFD(adopting: try install(program, flags: flags | SKL_SECCOMP_WAIT_KILLABLE))
    } catch {
        guard error == .invalidArgument else { throw error }
    }
    return OwnedFD(adopting: try install(program, flags: flags))
}

private func install(_ program: [UInt8], flags: UInt) throws(Errno) -> CInt {
    guard program.count % 8 == 0, let count = UInt16(exactly: program.count / 8) else { throw .invalidArgument }
    return try checked { program.withUnsafeBytes { skl_seccomp_install($0.baseAddress, count, flags) } }
}

/// A system call that waits for an answer; seccomp_unotify(2).
package struct SystemCall: Sendable {
    package let id: UInt64
    /// The calling thread, as this process sees it.
    package let thread: pid_t
    package let number: UInt32
    /// AUDIT_ARCH_*.
    package let architecture: UInt32
    /// Six arguments.
    package let arguments: [UInt64]

    package init(id: UInt64, thread: pid_t, number: UInt32, architecture: UInt32, arguments: [UInt64]) {
        (self.id, self.thread, self.number) = (id, thread, number)
        (self.architecture, self.arguments) = (architecture, arguments)
    }
}

/// - Returns: nil when the call went away before it could be taken.
package func receiveSystemCall(from listener: CInt) throws(Errno) -> SystemCall? {
    var raw = skl_notification()
    do throws(Errno) {
        _ = try checked { skl_notification_receive(listener, &raw) }
    } catch {
        if error == .noSuchFile { return nil }
        throw error
    }
    let arguments = withUnsafeBytes(of: raw.arguments) { Array($0.bindMemory(to: UInt64.self)) }
    return SystemCall(
        id: raw.id, thread: raw.pid, number: UInt32(bitPattern: raw.number), architecture: raw.architecture,
        arguments: arguments)
}

/// Returns whether the caller still waits: what was read from it before is then its own, and not from a process that
/// took over its number.
package func isWaiting(_ call: SystemCall, at listener: CInt) -> Bool { isWaiting(id: call.id, at: listener) }

package func isWaiting(id: UInt64, at listener: CInt) -> Bool { skl_notification_valid(listener, id) == 0 }

/// Ends the call with a value, without the kernel carrying it out.
package func answer(_ call: SystemCall, value: Int64, at listener: CInt) throws(Errno) {
    _ = try checked { skl_notification_answer(listener, call.id, value, 0, 0) }
}

package func answer(_ call: SystemCall, error: Errno, at listener: CInt) throws(Errno) {
    try answer(id: call.id, error: error, at: listener)
}

package func answer(id: UInt64, error: Errno, at listener: CInt) throws(Errno) {
    _ = try checked { skl_notification_answer(listener, id, 0, error.rawValue, 0) }
}

/// Lets the kernel carry out the call as if it had not been intercepted.
package func proceed(_ call: SystemCall, at listener: CInt) throws(Errno) {
    _ = try checked { skl_notification_answer(listener, call.id, 0, 0, SKL_SECCOMP_CONTINUE) }
}

/// Ends the call with a new descriptor for the caller, a copy of ours.
package func answer(_ call: SystemCall, descriptor: CInt, closeOnExec: Bool, at listener: CInt) throws(Errno) {
    let flags = closeOnExec ? UInt32(O_CLOEXEC) : 0
    do throws(Errno) {
        // In one step since Linux 5.14.
        _ = try checked { skl_notification_add_fd(listener, call.id, descriptor, SKL_SECCOMP_ADDFD_SEND, flags) }
        return
    } catch {
        guard error == .invalidArgument else { throw error }
    }
    let number = try checked { skl_notification_add_fd(listener, call.id, descriptor, 0, flags) }
    try answer(call, value: Int64(number), at: listener)
}

/// Makes answers wake the caller on the CPU that answers, a shorter way for two processes that wait for each other.
/// Linux 6.6; no effect before.
package func wakeHere(_ listener: CInt) { _ = skl_notification_wake_here(listener) }

/// process_vm_readv(2): `count` bytes of another process's memory, fewer where it ends.
package func readMemory(of process: pid_t, at address: UInt64, count: Int) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
        do throws(Errno) {
            used = try checked { skl_read_memory(process, buffer.baseAddress, UInt(address), count) }
        } catch {
            failure = error
        }
    }
    if let failure { throw failure }
    return bytes
}

/// Returns a text of another process up to its NUL; `ENAMETOOLONG` beyond `limit` bytes.
package func readText(of process: pid_t, at address: UInt64, limit: Int = 4096) throws(Errno) -> [UInt8] {
    var text: [UInt8] = []
    while text.count < limit {
        // Never across a page boundary in one read: the next page may not be there. 256 first, because paths are short.
        let place = address &+ UInt64(text.count)
        let room = 4096 - Int(place & 4095)
        let part = try readMemory(of: process, at: place, count: min(room, text.isEmpty ? 256 : 4096))
        if part.isEmpty { throw Errno(EFAULT) }
        if let end = part.firstIndex(of: 0) { return text + part[..<end] }
        text += part
    }
    throw .nameTooLong
}

/// Returns the mount that an open file lies on, as statx(2) numbers it (Linux 5.8); nil before.
package func mountID(of file: CInt) -> UInt64? {
    var id: UInt64 = 0
    return skl_mount_id(file, &id) == 0 ? id : nil
}

/// The soft limit of file locks of a process. No kernel since 2.4 looks at it, and children inherit it: setrlimit(2),
/// RLIMIT_LOCKS.
package func lockLimit(of process: pid_t) throws(Errno) -> UInt64 {
    var limit = rlimit()
    _ = try checked { skl_prlimit_locks(process, nil, &limit) }
    return UInt64(limit.rlim_cur)
}

package func setLockLimit(_ soft: UInt64, of process: pid_t) throws(Errno) {
    var limit = rlimit()
    _ = try checked { skl_prlimit_locks(process, nil, &limit) }
    limit.rlim_cur = rlim_t(soft)
    _ = try checked { skl_prlimit_locks(process, &limit, nil) }
}

/// chroot(2) to an open directory, which becomes the current one as well.
package func changeRoot(_ directory: CInt) throws(Errno) {
    try changeDirectory(directory)
    _ = try checked { chroot(".") }
}

/// Clears what a chown(2) that keeps the owner clears: setuid, setgid and capabilities. O_PATH is enough.
package func keepOwner(_ file: CInt) throws(Errno) {
    _ = try checked { fchownat(file, "", uid_t.max, gid_t.max, AT_EMPTY_PATH) }
}

/// poll(2) for reading on several descriptors, and on others only for the end of the other side: data to read there
/// does not wake this process.
/// - Returns: those with data to read, or to be closed because the other side has gone.
package func waitReadable(_ descriptors: [CInt], orEndOf watched: [CInt] = [], milliseconds: CInt = -1) throws(Errno)
    -> (readable: [CInt], closed: [CInt])
{
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    entries += watched.map { pollfd(fd: $0, events: 0, revents: 0) }
    _ = try checked { poll(&entries, nfds_t(entries.count), milliseconds) }
    return (
        entries.filter { $0.revents & Int16(POLLIN) != 0 }.map(\.fd),
        entries.filter { $0.revents & Int16(POLLIN) == 0 && $0.revents != 0 }.map(\.fd)
    )
}

/// Returns what stat(2) answers for an open file, with another owner and, for `type` other than 0, another type and
/// device: the structure of this machine's kernel or, for 32-bit programs, i386's. Nil when the file cannot be queried.
package func shownStatus(
    of file: CInt, uid: UInt32, gid: UInt32, type: UInt32, major: UInt32, minor: UInt32, isI386: Bool
) -> [UInt8]? {
    var owner = skl_shown_owner(uid: uid, gid: gid, type: type, major_number: major, minor_number: minor)
    return filled { skl_shown_stat(file, &owner, isI386 ? 1 : 0, $0) }
}

/// The same for statx(2), with its flags and mask.
package func shownExtendedStatus(
    of file: CInt, uid: UInt32, gid: UInt32, type: UInt32, major: UInt32, minor: UInt32, flags: CInt, mask: UInt32
) -> [UInt8]? {
    var owner = skl_shown_owner(uid: uid, gid: gid, type: type, major_number: major, minor_number: minor)
    return filled { skl_shown_statx(file, &owner, flags, mask, $0) }
}

private func filled(_ body: (UnsafeMutableRawPointer?) -> Int) -> [UInt8]? {
    // The larger of the two structures has 256 bytes.
    let bytes = [UInt8](unsafeUninitializedCapacity: 512) { buffer, used in used = body(buffer.baseAddress) }
    return bytes.isEmpty ? nil : bytes
}
