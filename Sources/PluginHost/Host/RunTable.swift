import CLinux
import Core
import Linux
import PluginAPI

/// `skiff.host.run/2`: helper processes.
nonisolated(unsafe) let runTable = permanent(
    skiff_host_run(
        struct_size: UInt32(MemoryLayout<skiff_host_run>.size), reserved: 0, run: runHelper, start: startHelper,
        end: endHelper, find_program: findProgram))

/// A helper that lives as long as the container.
struct Helper {
    let pid: pid_t
    let graceMilliseconds: CInt
    let path: String

    /// Ends it, and what it has started in its session.
    /// - Returns: how it ended.
    func end() throws(Errno) -> ExitStatus? {
        if graceMilliseconds > 0 {
            let handle = try openPidFD(pid)
            try? sendSignal(SIGTERM, to: handle)
            _ = try waitReadable(handle.raw, milliseconds: graceMilliseconds)
        }
        // Until it is waited for, its number means its process group and no other.
        try? sendSignal(SIGKILL, to: -pid)
        return try waitFor(pid)?.status
    }
}

/// A `skiff_command`, read and checked.
private struct HelperCommand {
    let path: String
    let arguments: [String]
    let environment: [String]
    var descriptors: [(child: CInt, parent: CInt)]
    let namespaces: [CInt]
    let timeout: CInt
    let grace: CInt
    let ready: CInt
    let fileSizeLimit: UInt64

    /// - Returns: nil after the reason was said.
    init?(_ request: UnsafePointer<skiff_command>?, _ session: Session) {
        guard let command = readRequest(request, into: skiff_command()) else {
            _ = session.refuse(unread: request, "command")
            return nil
        }
        path = text(command.path) ?? ""
        guard path.utf8.first == UInt8(ascii: "/") else {
            _ = session.refuse(SKIFF_E_INVALID, "cannot run \(path): not an absolute path")
            return nil
        }
        guard
            let list = StridedArray(
                command.fds, count: UInt64(command.fd_count), stride: command.fd_size, limit: 64, empty: skiff_run_fd()),
            command.namespace_count <= 8, command.namespace_count == 0 || command.namespaces != nil,
            command.timeout_milliseconds >= 0, command.grace_milliseconds >= 0, command.ready_fd >= 0
        else {
            _ = session.refuse(SKIFF_E_INVALID, "cannot run \(path): a count, a size or a time is out of range")
            return nil
        }
        arguments = strings(command.arguments)
        environment =
            command.environment == nil ? ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] : strings(command.environment)
        descriptors = list.elements.map { ($0.inside, $0.fd) }
        namespaces = UnsafeBufferPointer(start: command.namespaces, count: Int(command.namespace_count)).map { $0 }
        (timeout, grace, ready) = (command.timeout_milliseconds, command.grace_milliseconds, command.ready_fd)
        fileSizeLimit = command.file_size_limit
        descriptors += session.edits.lines(above: descriptors.map(\.child).max() ?? 2)
    }

    /// Starts it in a session of its own.
    /// - Parameter isBound: whether it ends with this process.
    func start(isBound: Bool = true) throws(Errno) -> pid_t {
        var descriptors = descriptors
        let nothing = try open("/dev/null", O_RDWR)
        for number: CInt in 0...2 where !descriptors.contains(where: { $0.child == number }) {
            descriptors.append((number, nothing.raw))
        }
        return try spawn(
            path, arguments, environment: environment, descriptors: descriptors, namespaces: namespaces,
            newSession: true, deathSignal: isBound ? SIGKILL : 0, fileSizeLimit: fileSizeLimit)
    }
}

func strings(_ list: UnsafePointer<UnsafePointer<CChar>?>?) -> [String] {
    var result: [String] = []
    var cursor = list
    while let item = cursor?.pointee, result.count < 4096 {
        result.append(String(bytes: item))
        cursor = cursor?.advanced(by: 1)
    }
    return result
}

private func runHelper(
    _ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_command>?, _ status: UnsafeMutablePointer<Int32>?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let command = HelperCommand(request, session) else { return session.refusal }
    do throws(Errno) {
        let pid = try command.start()
        let handle = try openPidFD(pid)
        let stop = try openEndSignals()
        let ready = try readable(
            among: [handle.raw, stop.raw], milliseconds: command.timeout > 0 ? command.timeout : -1)
        if ready.contains(handle.raw) {
            status?.pointee = try waitFor(pid)?.status.code ?? 0
            return SKIFF_OK
        }
        _ = try Helper(pid: pid, graceMilliseconds: command.grace, path: command.path).end()
        if ready.isEmpty {
            return session.refuse(SKIFF_E_TIMEOUT, "cannot wait for \(command.path): it ran into its time limit")
        }
        return session.refuse(SKIFF_E_CANCELLED, "cannot wait for \(command.path): the command was stopped")
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot run \(command.path)", errno: error)
    }
}

private func startHelper(
    _ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_command>?, _ out: UnsafeMutablePointer<Int32>?
) -> Int32 {
    let phases: [PluginPhase] = [.prepare, .mounts, .environment, .started]
    guard let session = Session.from(pointer, in: phases) else { return SKIFF_E_PHASE }
    guard var command = HelperCommand(request, session) else { return session.refusal }
    let served = session.servedLayer
    if served != nil && !session.canStartServer {
        return session.refuse(SKIFF_E_INVALID, "cannot start \(command.path): one process serves a layer")
    }
    do throws(Errno) {
        let pid: pid_t
        let helper: Helper
        if command.ready > 0 {
            let pipe = try makePipe()
            let reading = OwnedFD(adopting: pipe.first)
            let writing = OwnedFD(adopting: pipe.second)
            command.descriptors.append((command.ready, writing.raw))
            pid = try command.start(isBound: served == nil)
            try writing.close()
            helper = Helper(pid: pid, graceMilliseconds: command.grace, path: command.path)
            if let failure = try waitUntilReady(helper, reading.raw, command.timeout) {
                _ = try? helper.end()
                return session.refuse(failure.status, "cannot start \(command.path): \(failure.reason)")
            }
        } else {
            pid = try command.start(isBound: served == nil)
            helper = Helper(pid: pid, graceMilliseconds: command.grace, path: command.path)
        }
        if let served {
            session.servers.append(LayerProcess(layer: served, pid: pid))
        } else {
            session.helpers.append(helper)
        }
        ProcessCare.current?.hasHelpers = true
        session.draft?.keepsMonitor = true
        out?.pointee = pid
        return SKIFF_OK
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot start \(command.path)", errno: error)
    }
}

/// Milliseconds that a helper has to become ready when the plugin does not say.
private let usualPatience: CInt = 10_000

/// - Returns: why it is not ready; nil when it is.
private func waitUntilReady(_ helper: Helper, _ ready: CInt, _ timeout: CInt) throws(Errno) -> (
    status: Int32, reason: String
)? {
    let stop = try openEndSignals()
    let found = try readable(among: [ready, stop.raw], milliseconds: timeout > 0 ? timeout : usualPatience)
    if found.isEmpty { return (SKIFF_E_TIMEOUT, "it was not ready in time") }
    if !found.contains(ready) { return (SKIFF_E_CANCELLED, "the command was stopped") }
    var byte: UInt8 = 0
    let count = try withUnsafeMutableBytes(of: &byte) { buffer throws(Errno) in try read(ready, into: buffer) }
    // The end of the pipe is also what is left of a helper that has died: a moment later it can be waited for.
    let handle = try openPidFD(helper.pid)
    if count == 0, try waitReadable(handle.raw, milliseconds: 20) { return (SKIFF_E_SYSTEM, "it ended at once") }
    return nil
}

private func endHelper(_ pointer: OpaquePointer?, _ pid: Int32, _ status: UnsafeMutablePointer<Int32>?) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase), !session.isInChild else { return SKIFF_E_PHASE }
    guard let index = session.helpers.firstIndex(where: { $0.pid == pid }) else { return SKIFF_DECLINED }
    let helper = session.helpers.remove(at: index)
    do throws(Errno) {
        status?.pointee = try helper.end()?.code ?? 0
        return SKIFF_OK
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot end \(helper.path)", errno: error)
    }
}

private func findProgram(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ each: TextFunction?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase), !session.isInChild else { return SKIFF_E_PHASE }
    guard let name = text(name), !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")) else { return SKIFF_E_INVALID }
    return deliver(session.facts.findProgram(name), each, context)
}
