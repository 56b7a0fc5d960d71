import CLinux
import Core
import Linux
import PluginAPI

/// `skiff.host.inside/1`: a function of a plugin in the namespaces of a container.
nonisolated(unsafe) let insideTable = permanent(
    skiff_host_inside(struct_size: UInt32(MemoryLayout<skiff_host_inside>.size), reserved: 0, run: runInside))

private typealias InsideFunction = @convention(c) (UnsafeMutableRawPointer?) -> Int32

/// Milliseconds that the function has when the plugin does not say.
private let usualPatience: CInt = 10_000

private func runInside(
    _ pointer: OpaquePointer?, _ place: UnsafePointer<skiff_place>?, _ which: UInt32, _ timeout: Int32,
    _ function: InsideFunction?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: [.started]) else { return SKIFF_E_PHASE }
    guard let place = readRequest(place, into: skiff_place()), let function, timeout >= 0,
        which & ~UInt32(SKIFF_INSIDE_USER | SKIFF_INSIDE_NETWORK | SKIFF_INSIDE_IPC | SKIFF_INSIDE_UTS) == 0
    else { return session.refuse(SKIFF_E_INVALID, "cannot work inside: no function, place or known namespace") }
    // The user namespace first: it gives the right to enter the others.
    let namespaces: [(flag: Int32, descriptor: CInt, kind: Namespaces)] = [
        (SKIFF_INSIDE_USER, place.user_fd, .user), (SKIFF_INSIDE_NETWORK, place.network_fd, .network),
        (SKIFF_INSIDE_IPC, place.ipc_fd, .ipc), (SKIFF_INSIDE_UTS, place.uts_fd, .uts),
    ].filter { $0.1 >= 0 && which & UInt32($0.0) != 0 }
    do throws(Errno) {
        let pipe = try makePipe()
        let reading = OwnedFD(adopting: pipe.first)
        let writing = OwnedFD(adopting: pipe.second)
        let host = processID()
        let pid = try forkProcess()
        if pid == 0 {
            let status = work(namespaces, session, function, context, for: host)
            try? writeFully(writing.raw, InsideAnswer(status, session.plugin.diagnostics.failure).bytes)
            _exit(0)
        }
        try writing.close()
        return try waitForAnswer(pid, reading.raw, timeout > 0 ? timeout : usualPatience, session)
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot work inside", errno: error)
    }
}

private func work(
    _ namespaces: [(flag: Int32, descriptor: CInt, kind: Namespaces)], _ session: Session, _ function: InsideFunction,
    _ context: UnsafeMutableRawPointer?, for host: pid_t
) -> Int32 {
    do throws(Errno) {
        try setParentDeathSignal(SIGKILL)
        // 0: in another PID namespace, and alive.
        if ![host, 0].contains(parentProcessID()) { _exit(255) }
        Session.leaveJournal()
        // The command waits for signals; here a crash is to be seen as what it is.
        for signal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP] { resetSignal(signal) }
        _ = try setSignalMask(.none)
        // It holds something of the host in a user namespace whose programs may trace: see ptrace(2).
        try setDumpable(false)
        for namespace in namespaces { try join(namespace.descriptor, namespace.kind) }
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot enter the container's namespaces", errno: error)
    }
    return function(context)
}

private func waitForAnswer(_ pid: pid_t, _ answers: CInt, _ timeout: CInt, _ session: Session) throws(Errno) -> Int32 {
    let stop = try openEndSignals()
    let ready = try readable(among: [answers, stop.raw], milliseconds: timeout)
    guard ready.contains(answers) else {
        try? sendSignal(SIGKILL, to: pid)
        _ = try waitFor(pid)
        return ready.isEmpty
            ? session.refuse(SKIFF_E_TIMEOUT, "cannot work inside: it took longer than \(timeout) ms")
            : session.refuse(SKIFF_E_CANCELLED, "cannot work inside: the command was stopped")
    }
    let bytes = try readToEnd(answers, limit: InsideAnswer.limit)
    let end = try waitFor(pid)?.status
    guard let answer = InsideAnswer(bytes[...]) else {
        let how = if case .signaled(let signal)? = end { "it was ended by signal \(signal)" } else { "it called exit" }
        return session.refuse(SKIFF_E_INTERNAL, "cannot work inside: \(how)")
    }
    if let failure = answer.failure { session.plugin.diagnostics.fail(failure) }
    return answer.status
}

/// The status of the function, and what it said through `fail`.
private struct InsideAnswer {
    let status: Int32
    let failure: PluginDiagnostics.Failure?

    /// In bytes.
    static let limit = 16384

    init(_ status: Int32, _ failure: PluginDiagnostics.Failure?) { (self.status, self.failure) = (status, failure) }

    /// Two numbers, then message and hint, each ended by a zero.
    var bytes: [UInt8] {
        var result: [UInt8] = []
        for number in [status, failure.map { $0.errno?.rawValue ?? 0 } ?? -1] {
            withUnsafeBytes(of: number) { result += $0 }
        }
        if let failure { result += failure.message.bytes + [0] + (failure.hint ?? "").bytes + [0] }
        return Array(result.prefix(Self.limit))
    }

    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= 8 else { return nil }
        func number(_ offset: Int) -> Int32 {
            bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Int32.self) }
        }
        status = number(0)
        guard number(4) >= 0 else {
            failure = nil
            return
        }
        let texts = bytes.dropFirst(8).split(separator: 0, omittingEmptySubsequences: false).map { String(bytes: $0) }
        failure = PluginDiagnostics.Failure(
            status: status, message: texts.first ?? "", errno: number(4) > 0 ? Errno(number(4)) : nil,
            hint: texts.count > 1 && !texts[1].isEmpty ? texts[1] : nil)
    }
}
