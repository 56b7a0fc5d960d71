package import Base
import CLinux
import Core
import Linux
import PluginHost

/// `__transport`, with a socket on descriptor 3 and a file for `CallRecord` on 4: calls one plugin for one address, and ends.
///
/// A process of its own, so that the command survives a plugin that crashes, hangs or exits, and can tidy up, and so
/// that the plugin runs without other threads.
package enum TransportWorker {
    fileprivate static let socket: CInt = 3
    /// Where the command looks what the plugin is doing.
    private static let calls: CInt = 4

    /// - Returns: the exit status.
    package static func run(_ installation: Installation) -> Int32 {
        // This process ends with its parent: prctl(2). If the parent has ended already, the socket is closed.
        try? setParentDeathSignal(SIGKILL)
        // Helpers of the plugin must not keep the socket open.
        _ = skl_fcntl(socket, F_SETFD, Int(FD_CLOEXEC))
        (try? CallRecord(mapping: calls))?.begin()
        _ = close(calls)
        do throws(SkiffError) {
            try serve(installation)
            return 0
        } catch {
            do throws(SkiffError) {
                try send(.failed(message: error.message, errno: error.errno?.rawValue, hint: error.hint))
            } catch {
                Log.error("__transport is used by skiff-image only, with a socket on descriptor 3")
            }
            return 1
        }
    }

    private static func serve(_ installation: Installation) throws(SkiffError) {
        var first = try receive()
        guard let json = try? JSONReader.read(first.bytes), let task = TransportTask(json) else {
            throw SkiffError("__transport is used by skiff-image only")
        }
        let progress = Progress(isQuiet: task.isQuiet)
        defer { progress.end() }
        let transport = try load(task, installation, progress)
        if task.isTarget, let upload = task.upload, let file = first.descriptor.take() {
            return try send(try write(task, upload, file.raw, transport) ? .done : .declined)
        }
        if let upload = task.upload, let file = first.descriptor.take() {
            let isTaken = try transport.push(
                file.raw, upload.digest, size: upload.size, architecture: task.architecture, to: task.uri)
            return try send(isTaken ? .done : .declined)
        }
        let request = TransportRequest(uri: task.uri, architecture: task.architecture, variant: task.variant)
        guard let image = try transport.resolve(request) else { return try send(.declined) }
        try send(.found(image))
        var second = try receive()
        // There is no second message when the image is in the cache.
        guard let target = second.descriptor.take() else { return }
        try transport.fetch(request, image, to: target.raw)
        try send(.done)
    }

    private static func write(
        _ task: TransportTask, _ upload: (digest: String, size: Int64), _ file: CInt, _ transport: PluginTransport
    ) throws(SkiffError) -> Bool {
        var second = try receive()
        guard let target = second.descriptor.take() else {
            throw SkiffError("cannot write \(task.uri): no file has come")
        }
        let image = try ImageSource.open("/proc/self/fd/\(file)", writable: false)
        var request = TargetImage(file: file, size: upload.size, digest: upload.digest, path: task.uri)
        (request.architecture, request.root) = (image.architecture.name, image.root)
        return try transport.write(request, to: target.raw)
    }

    private static func load(_ task: TransportTask, _ installation: Installation, _ progress: Progress)
        throws(SkiffError) -> PluginTransport
    {
        let trust = Trust.ofThisProcess
        let registry = PluginCatalog(installation, trust: trust).plugins(for: [.plugin(task.plugin)])
        guard let manifest = registry.enabled.first(where: { $0.id == task.plugin }) else {
            throw SkiffError("cannot use the plugin \(task.plugin): it is not there any more")
        }
        var request = Request(action: .exec, image: task.uri)
        request.pluginFlags = task.flags
        var facts = SessionFacts(request: request, installation: installation)
        let settings = try Settings.load(installation, file: task.configuration)
        try registry.check(settings)
        facts.configuration = InstalledPlugins.configuration(settings, [manifest])
        facts.isPrivileged = trust.isPrivileged
        facts.isRootless = effectiveUID() != 0
        let bars = ProgressBars(progress)
        let pulse = Heartbeat()
        facts.showProgress = {
            bars.show($0, $1, $2)
            pulse.beat()
        }
        let loans = LentSecrets()
        facts.lendSecret = { (name, use) throws(SkiffError) in try loans.lend(name, to: use) }
        return try PluginTransport(manifest, directory: registry.directory, facts: facts, trust: trust)
    }

    private static func receive() throws(SkiffError) -> ReceivedMessage {
        do throws(Errno) {
            return try receiveMessage(limit: TransportTask.longest, over: socket)
        } catch {
            throw SkiffError("cannot hear what to do for skiff-image", errno: error)
        }
    }

    fileprivate static func send(_ answer: TransportAnswer) throws(SkiffError) {
        try during("cannot answer skiff-image") { () throws(Errno) in
            try sendMessage(Array(answer.json.text().utf8), over: socket)
        }
    }
}

/// The progress bars of the plugin, by their names.
private final class ProgressBars {
    private let progress: Progress
    private var bars: [String: Progress.Bar] = [:]

    init(_ progress: Progress) { self.progress = progress }

    func show(_ name: String, _ done: Int64, _ all: Int64) {
        let label = String(name.printable.prefix(12))
        let bar = bars[label] ?? progress.bar(label, total: all)
        bars[label] = bar
        if all > 0, done >= all { bar.finish() } else { bar.set(done) }
    }
}

/// Tells the command that the plugin is alive: a few times a second, no matter how often it reports.
private final class Heartbeat {
    private var last: Int64?

    func beat() {
        let now = monotonicMilliseconds()
        if let last, now - last < 250 { return }
        last = now
        try? TransportWorker.send(.alive)
    }
}

/// Secrets that the command has sent, each in memory that is wiped afterwards. It stays mapped, so that a plugin that
/// kept the pointer reads zeros.
private final class LentSecrets {
    private var memory: [UnsafeMutableRawBufferPointer] = []
    /// How many loans are nested.
    private var depth = 0

    func lend(_ name: String, to use: (UnsafeRawBufferPointer) -> Int32) throws(SkiffError) -> Int32? {
        try TransportWorker.send(.wants(secret: name))
        if memory.count == depth {
            memory.append(.allocate(byteCount: TransportTask.longest, alignment: 4096))
        }
        let place = memory[depth]
        depth += 1
        defer {
            wipe(place)
            depth -= 1
        }
        let count = try during("cannot borrow \(name) from skiff-image") { () throws(Errno) in
            try receiveMessage(into: place, over: TransportWorker.socket)
        }
        guard count > 0, place[0] == 1 else { return nil }
        return use(UnsafeRawBufferPointer(rebasing: place[1..<count]))
    }
}
