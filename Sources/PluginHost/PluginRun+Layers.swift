package import Base
package import Core
import Linux
import PluginAPI

/// A process that serves a layer: it ends when its file system is mounted nowhere any more.
struct LayerProcess {
    let layer: ServedLayer
    let pid: Int32
}

/// `skiff.filesystem/2`.
extension PluginRun {
    package func service(for image: ServedLayer, byKernel: Bool) throws(SkiffError) -> LayerService? {
        for session in sessions {
            if let service = try service(for: image, byKernel, of: session) { return service }
        }
        return try supply(SKIFF_EXT_FILESYSTEM, because: "a layer with \(image.filesystem)") {
            (session) throws(SkiffError) in try service(for: image, byKernel, of: session)
        }
    }

    private func service(for image: ServedLayer, _ byKernel: Bool, of session: Session) throws(SkiffError)
        -> LayerService?
    {
        guard let slot = session.plugin.filesystem.plan else { return nil }
        if byKernel && session.plugin.filesystem.recover == nil { return nil }
        var answer = skiff_filesystem_plan()
        answer.struct_size = UInt32(MemoryLayout<skiff_filesystem_plan>.size)
        var asked = image
        if byKernel { asked.driver = .loop }
        let status = try ask(session, "filesystem plan", asked) { request in
            slot(session.plugin.object, session.pointer, request, &answer)
        }
        if status == SKIFF_DECLINED { return nil }
        let id = session.plugin.manifest.id
        let options = (text(answer.options) ?? "").split(separator: ",").map(String.init)
        guard options.allSatisfy(isMountOption) else {
            throw session.plugin.manifest.failure(
                "filesystem plan", "cannot mount with \(options.joined(separator: ",")): not an option of its own")
        }
        return LayerService(
            plugin: id, server: text(answer.server) ?? "a server", options: options,
            isUpper: answer.flags & UInt32(SKIFF_FILESYSTEM_PLAN_UPPER) != 0,
            wantsServer: answer.flags & UInt32(SKIFF_FILESYSTEM_PLAN_SERVE) != 0)
    }

    private func isMountOption(_ option: String) -> Bool {
        let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { return false }
        switch parts[0] {
        case "max_read": return UInt32(parts[1]) != nil
        case "subtype": return parts[1].utf8.allSatisfy { isAlphanumeric($0) || "-._".utf8.contains($0) }
        default: return false
        }
    }

    package func recover(_ image: ServedLayer) throws(SkiffError) {
        let id: String?
        if case .plugin(let service)? = image.driver { id = service.plugin } else { id = image.recoverer }
        guard let session = sessions.first(where: { $0.plugin.manifest.id == id }),
            let slot = session.plugin.filesystem.recover
        else { return }
        try ProcessCare.current?.renew(ownsChildren: false)
        _ = try ask(session, "filesystem recover", image) { slot(session.plugin.object, session.pointer, $0) }
    }

    package func serve(_ image: ServedLayer, fuse: Int32, _ place: ContainerPlace) throws(SkiffError) {
        guard case .plugin(let service)? = image.driver,
            let session = sessions.first(where: { $0.plugin.manifest.id == service.plugin }),
            let slot = session.plugin.filesystem.serve
        else { throw SkiffError("cannot serve \(image.path): its plugin is not here") }
        try ProcessCare.current?.renew(ownsChildren: false)
        let before = session.servers.count
        session.servedLayer = image
        defer { session.servedLayer = nil }
        try withPlace(place) { place throws(SkiffError) in
            _ = try ask(session, "filesystem serve", image, fuse, place) {
                slot(session.plugin.object, session.pointer, $0)
            }
        }
        if session.servers.count == before {
            throw session.plugin.manifest.failure("filesystem serve", "it has started no server for \(image.path)")
        }
    }

    /// Calls a slot, with the plan closed.
    private func ask(
        _ session: Session, _ station: String, _ image: ServedLayer, _ fuse: Int32 = -1,
        _ place: UnsafePointer<skiff_place>? = nil, _ body: (UnsafePointer<skiff_filesystem_request>) -> Int32
    ) throws(SkiffError) -> Int32 {
        var request = skiff_filesystem_request()
        request.struct_size = UInt32(MemoryLayout<skiff_filesystem_request>.size)
        request.flags = image.isWritable ? UInt32(SKIFF_FILESYSTEM_FLAG_WRITABLE) : 0
        (request.offset, request.size) = (UInt64(clamping: image.range.offset), UInt64(clamping: image.range.size))
        (request.fd, request.fuse_fd, request.place) = (image.file, fuse, place)
        let isKernels = image.driver == .loop
        request.driver = UInt32(isKernels ? SKIFF_FILESYSTEM_DRIVER_KERNEL : SKIFF_FILESYSTEM_DRIVER_SERVER)
        var status: Int32 = 0
        try session.during(.started) { () throws(SkiffError) in
            status = try session.plugin.call(station) {
                image.filesystem.withCString { type in
                    image.path.withCString { path in
                        (request.type, request.path) = (type, path)
                        return withUnsafePointer(to: request) { body($0) }
                    }
                }
            }
        }
        try session.plugin.manifest.lookAtProcess(after: station)
        return status
    }

    /// Milliseconds that processes which the program has left get to end.
    private static let farewell = 2000
    /// Milliseconds after which the user is told what is waited for.
    private static let patience = 5000

    package func waitForServers(isInUse: () -> Bool) throws(SkiffError) {
        var failure: SkiffError?
        for session in sessions.reversed() {
            while let process = session.servers.popLast() {
                do throws(SkiffError) {
                    try wait(for: process, isInUse)
                } catch {
                    failure = failure ?? error
                }
            }
        }
        if let failure { throw failure }
    }

    /// A server that writes may take its time, and no signal shortens it. When processes of the container live on, so does it.
    private func wait(for process: LayerProcess, _ isInUse: () -> Bool) throws(SkiffError) {
        let path = process.layer.path
        let ended = try during("cannot wait for the server of \(path)") { () throws(Errno) -> ExitStatus? in
            let handle = try openPidFD(process.pid)
            var waited = 0
            while try !waitReadable(handle.raw, milliseconds: 250) {
                waited += 250
                if waited >= Self.farewell && isInUse() {
                    Log.verbose("\(path) stays in use: processes of the container have not ended")
                    return nil
                }
                if waited == Self.patience { Log.info("Waiting until \(path) is written") }
            }
            return try waitFor(process.pid)?.status
        }
        guard let ended, ended != ExitStatus.exited(0) else { return }
        throw SkiffError(
            "cannot be sure that everything was written to \(path): its server ended with \(ended.text)",
            hint: process.layer.isWritable ? "Its next user has it checked; what was synchronized is there" : nil)
    }
}

extension ExitStatus {
    fileprivate var text: String {
        switch self {
        case .exited(let code): "status \(code)"
        case .signaled(let signal), .stopped(let signal): "signal \(signal)"
        }
    }
}

extension Session {
    /// Whether it has started none yet for the layer that it is asked to serve.
    var canStartServer: Bool { !servers.contains { $0.layer == servedLayer } }
}
