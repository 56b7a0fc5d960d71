import Base
import CLinux
import Core
import HTTP
import Linux
import PluginHost

/// The command's side of the process that calls a plugin for one address.
final class TransportProcess {
    private let task: TransportTask
    private let pid: pid_t
    private let socket: OwnedFD
    /// What the plugin is doing.
    private let record: CallRecord
    /// After how many seconds without a sign of life the process is killed.
    private let patience: Int
    private var secrets: TransportSecrets
    /// The target that it writes to now.
    private var target: CInt?
    private var isEnded = false

    init(_ task: TransportTask, _ installation: Installation, _ options: NetworkOptions) throws(SkiffError) {
        (self.task, patience) = (task, options.http.stallSeconds)
        secrets = TransportSecrets(task.uri, options.credentials)
        do throws(Errno) {
            let pair = try makeSocketPair()
            socket = OwnedFD(adopting: pair.first)
            let theirs = OwnedFD(adopting: pair.second)
            let nothing = try open("/dev/null", O_RDONLY)
            let calls = try CallRecord.makeFile()
            record = try CallRecord(mapping: calls.raw)
            var environment = environmentWithoutKeys().filter {
                // The plugin asks for the secrets it needs, and decides what its helpers get.
                !$0.hasPrefix("SKIFF_MESSAGELEVEL=") && !TransportSecrets.isVariable($0)
            }
            environment.append("SKIFF_MESSAGELEVEL=\(Log.level)")
            // What a plugin prints against the rules must not mix with output that a program reads.
            pid = try spawn(
                installation.imageTool, ["skiff-image", "__transport"], environment: environment,
                descriptors: [(3, theirs.raw), (4, calls.raw), (0, nothing.raw), (1, 2)])
        } catch {
            throw SkiffError("cannot start \(installation.imageTool)", errno: error)
        }
        Cleanup.add(process: pid)
    }

    deinit { end() }

    /// - Returns: nil when the plugin says that the address is not its own.
    func resolve() throws(SkiffError) -> TransportImage? {
        try send(task.json)
        switch try answer("resolve") {
        case .declined: return nil
        case .found(let image): return image
        default: throw SkiffError("cannot find \(task.uri): the plugin \(task.plugin) gave no answer")
        }
    }

    /// - Parameter target: an empty file, or a directory for a layout.
    func fetch(to target: CInt) throws(SkiffError) {
        try send(.members(["target": .string("descriptor")]), descriptor: target)
        self.target = target
        defer { self.target = nil }
        _ = try answer("fetch")
    }

    /// - Returns: false when the plugin says that the address is not its own.
    func push(_ file: CInt) throws(SkiffError) -> Bool {
        try send(task.json, descriptor: file)
        return try answer("push") != .declined
    }

    /// - Parameter target: an empty file, in which something else is made of the image.
    /// - Returns: false when the plugin says that it makes no such file.
    func write(_ image: CInt, to target: CInt) throws(SkiffError) -> Bool {
        try send(task.json, descriptor: image)
        try send(.members(["target": .string("descriptor")]), descriptor: target)
        self.target = target
        defer { self.target = nil }
        return try answer("write") != .declined
    }

    private func send(_ message: JSONText, descriptor: CInt? = nil) throws(SkiffError) {
        let bytes = Array(message.text().utf8)
        guard bytes.count <= TransportTask.longest else {
            throw SkiffError("cannot use \(task.uri.prefix(60))…: the address is too long")
        }
        do throws(Errno) {
            try sendMessage(bytes, descriptor: descriptor, over: socket.raw)
        } catch {
            // It has ended; waiting for its answer reports how.
            guard error == .brokenPipe else {
                throw SkiffError("cannot tell the plugin \(task.plugin) what to do", errno: error)
            }
        }
    }

    private func answer(_ station: String) throws(SkiffError) -> TransportAnswer {
        while true {
            try waitForMessage(station)
            let bytes: [UInt8]
            do throws(Errno) {
                bytes = try receiveMessage(limit: TransportTask.longest, over: socket.raw).bytes
            } catch {
                bytes = []
            }
            guard let json = try? JSONReader.read(bytes), let answer = TransportAnswer(json) else {
                throw failure(
                    record.call.map { String($0.dropFirst(task.plugin.count + 2)) } ?? station, endingReason())
            }
            switch answer {
            case .alive: continue
            case .wants(let name): try lend(name)
            case .failed(let message, let errno, let hint):
                throw SkiffError(message, errno: errno.map { Errno($0) }, hint: hint)
            default: return answer
            }
        }
    }

    private func lend(_ name: String) throws(SkiffError) {
        var message = secrets.message(name)
        defer { message.withUnsafeMutableBytes { wipe($0) } }
        do throws(Errno) {
            try sendMessage(message, over: socket.raw)
        } catch {
            guard error == .brokenPipe else {
                throw SkiffError("cannot lend \(name) to the plugin \(task.plugin)", errno: error)
            }
        }
    }

    private func failure(_ station: String, _ reason: String, hint: String? = nil) -> SkiffError {
        SkiffError("cannot use \(task.uri): plugin \(task.plugin): \(station): \(reason)", hint: hint)
    }

    /// - Throws: when no message comes and the plugin transfers nothing either; then it is killed.
    private func waitForMessage(_ station: String) throws(SkiffError) {
        // Seconds of polling, not of a clock: a command that was stopped for an hour did not wait.
        var (seconds, before) = (0, signs)
        while (try? waitReadable(socket.raw, milliseconds: 1000)) == false {
            let now = signs
            (seconds, before) = (now == before ? seconds + 1 : 0, now)
            if seconds < patience { continue }
            end()
            throw failure(
                station, "it has sent nothing for \(patience) second\(patience == 1 ? "" : "s")",
                hint: "Try again, or set APPTAINER_NETWORK_TIMEOUT to more seconds if it needs them")
        }
    }

    /// The numbers that change while a plugin works.
    private struct Signs: Equatable {
        /// Bytes read and written by the plugin and the processes that it started.
        var bytes: UInt64
        /// The size of the target: it may be written by mmap(2), and some kernels count no bytes.
        var size: Int64?
        var modified: Int64?
    }

    private var signs: Signs {
        let found = target.flatMap { try? status(of: $0) }
        let bytes = family(of: pid).reduce(UInt64(0)) { $0 &+ (bytesMoved(by: $1) ?? 0) }
        return Signs(bytes: bytes, size: found?.size, modified: found?.modified)
    }

    /// Returns why a process ended without an answer.
    private func endingReason() -> String {
        isEnded = true
        Cleanup.forget(process: pid)
        let status = try? waitFor(pid)?.status
        if case .signaled(let signal) = status, [SIGINT, SIGTERM, SIGHUP, SIGKILL].contains(signal) {
            Cleanup.waitForEnd()
        }
        return switch status {
        case let status?: CallRecord.reason(status)
        case nil: "it vanished"
        }
    }

    /// Kills the process, of which nothing more is needed.
    func end() {
        if isEnded { return }
        isEnded = true
        endFamily(of: pid)
        Cleanup.forget(process: pid)
        _ = try? waitFor(pid)
    }
}
