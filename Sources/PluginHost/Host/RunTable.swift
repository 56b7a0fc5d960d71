import CLinux
import Core
import Linux
import PluginAPI

/// `skiff.host.run/1`. Helpers that outlive the call (`start`) come with the undo records of networks; until then the slot
/// is NULL.
nonisolated(unsafe) let runTable = permanent(
    skiff_host_run(
        struct_size: UInt32(MemoryLayout<skiff_host_run>.size), reserved: 0, run: runHelper, start: nil))

private func strings(_ list: UnsafePointer<UnsafePointer<CChar>?>?) -> [String] {
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
    guard let session = Session.from(pointer, in: Set(PluginPhase.allCases)) else { return SKIFF_E_DENIED }
    guard let command = readRequest(request, into: skiff_command()) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot understand a command made for a newer skiff")
    }
    guard let path = text(command.path), path.hasPrefix("/"), command.fd_count <= 64 else {
        return session.refuse(SKIFF_E_INVALID, "cannot run \(text(command.path) ?? ""): not an absolute path")
    }
    var descriptors = UnsafeBufferPointer(start: command.fds, count: command.fds == nil ? 0 : Int(command.fd_count))
        .map { (child: $0.inside, parent: $0.fd) }
    let environment = command.environment == nil ? ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] : strings(command.environment)
    do throws(Errno) {
        let nothing = try open("/dev/null", O_RDWR)
        for number: CInt in 0...2 where !descriptors.contains(where: { $0.child == number }) {
            descriptors.append((number, nothing.raw))
        }
        let pid = try spawn(path, strings(command.arguments), environment: environment, descriptors: descriptors)
        let ended = try wait(for: pid, milliseconds: command.timeout_milliseconds)
        guard let ended else {
            return session.refuse(SKIFF_E_SYSTEM, "cannot wait for \(path): it ran into its time limit")
        }
        status?.pointee = ended
        return SKIFF_OK
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot run \(path)", errno: error)
    }
}

/// Returns the status as a shell counts it; nil when the time ran out and the helper was killed.
private func wait(for pid: pid_t, milliseconds: Int32) throws(Errno) -> Int32? {
    if milliseconds > 0 {
        let handle = try openPidFD(pid)
        if try !waitReadable(handle.raw, milliseconds: milliseconds) {
            try? sendSignal(SIGKILL, to: handle)
            _ = try waitFor(pid)
            return nil
        }
    }
    return try waitFor(pid)?.status.code
}
