package import Base
import CLinux
import Linux
import Synchronization

/// The right to make one entry of the cache: of the processes that want it, one does the work and the others wait for
/// the result.
///
/// flock(2) does not work on every NFS and Lustre. A lease is a file that link(2) creates with its content, which is
/// atomic there too (open(2), O_EXCL). The holder keeps updating the file's time. A waiting process measures by its own
/// clock how long that time has not changed, and on the same host checks whether the holder is alive. Two holders at
/// once do the work twice and no harm: entries are renamed into place and named by their content.
package final class Lease: Sendable {
    private let path: String
    private let content: [UInt8]
    private let isHeld: Heartbeat

    /// How long a lease of another host may stay unchanged, in milliseconds.
    private static let patience: Int64 = 60_000
    private static let heartbeat: Int64 = 10_000

    private init(path: String, content: [UInt8]) {
        self.path = path
        self.content = content
        isHeld = Heartbeat()
    }

    deinit { release() }

    /// Takes the lease `name` of a cache, waiting while others have it.
    ///
    /// - Parameters:
    ///   - isDone: called before every attempt; true when the entry exists and nothing is left to do.
    /// - Returns: nil when another process did the work.
    package static func take(_ name: String, in cache: CacheDirectory, isDone: () -> Bool) throws(SkiffError) -> Lease?
    {
        let folder = try cache.make("leases")
        let path = folder + "/" + String(name.map { $0 == "/" || $0 == ":" ? "-" : $0 })
        let content = Array("\(LeaseHolder.current.text) \(UInt64.random(in: .min ... .max))\n".utf8)
        var watch = Watch()
        var isTold = false
        while !isDone() {
            do throws(Errno) {
                try publish(content, at: path, in: folder)
                let lease = Lease(path: path, content: content)
                lease.beat()
                cache.removeLeftoversOnce()
                // Another process may have finished since the last call.
                return isDone() ? nil : lease
            } catch {
                guard error == .exists else { throw SkiffError("cannot make \(path) in the cache", errno: error) }
            }
            if !isTold { Log.verbose("Waiting for another process that fetches \(name)") }
            isTold = true
            watch.look(at: path)
            pause(milliseconds: watch.interval)
        }
        return nil
    }

    private static func publish(_ content: [UInt8], at path: String, in folder: String) throws(Errno) {
        let part = "\(folder)/.\(processID())-\(uniqueName())"
        try writeFile(part, content, mode: 0o600, exclusive: true)
        defer { try? unlink(part) }
        do throws(Errno) {
            try makeHardLink(part, at: path)
        } catch {
            // The file system has no hard links.
            guard error == .notPermitted || error == .notSupported || error == .noSystemCall else { throw error }
            try writeFile(path, content, mode: 0o600, exclusive: true)
        }
    }

    private func beat() {
        let (path, isHeld) = (path, isHeld)
        try? startThread {
            var slept: Int64 = 0
            while isHeld.goesOn.load(ordering: .relaxed) {
                pause(milliseconds: 100)
                slept += 100
                if slept < Self.heartbeat { continue }
                slept = 0
                try? touch(path, modification: true)
            }
        }
    }

    /// Releases the lease, unless another process has taken it for abandoned.
    package func release() {
        guard isHeld.goesOn.exchange(false, ordering: .relaxed) else { return }
        if (try? readFile(path, limit: 4096)) == content { try? unlink(path) }
    }

    private final class Heartbeat: Sendable {
        let goesOn = Atomic<Bool>(true)
    }

    /// Watches the lease of another process, and removes it when its holder is dead.
    private struct Watch {
        private var seen: (content: [UInt8], modified: Int64, at: Int64)?
        private(set) var interval: Int64 = 10

        mutating func look(at path: String) {
            interval = min(interval * 2, 300)
            let content: [UInt8]
            let modified: Int64
            do throws(Errno) {
                let file = try PrivateFiles.current.open(path)
                content = try readToEnd(file.raw, limit: 4096)
                modified = try status(of: file.raw).modified
            } catch {
                seen = nil
                // Not a lease: only this user and root may make others wait.
                if error != .noSuchFile { try? removeTree(path) }
                return
            }
            let now = monotonicMilliseconds()
            if seen?.content != content || seen?.modified != modified { seen = (content, modified, now) }
            let silent = now - (seen?.at ?? now)
            switch LeaseHolder(content).isAlive {
            case true: return
            case false: break
            case nil where silent < Lease.patience: return
            default: break
            }
            Lease.remove(path, content)
        }
    }

    /// Removes the lease of a dead process. Two processes may do so at once, one of them after a new holder has taken
    /// it: if the renamed file is not the one that was seen, it is put back.
    static func remove(_ path: String, _ content: [UInt8]) {
        let away = path + ".gone-\(uniqueName())"
        guard (try? rename(path, to: away)) != nil else { return }
        if (try? readFile(away, limit: 4096)) != content { try? makeHardLink(away, at: path) }
        try? unlink(away)
    }
}

/// The holder of a lease: boot, PID namespace, PID and start time of a process.
struct LeaseHolder: Equatable {
    private let words: [String]

    var text: String { joined(by: " ") }

    func joined(by separator: String) -> String { words.joined(separator: separator) }

    /// - Parameter content: the content of a lease's file, which may be anything.
    init(_ content: [UInt8]) {
        words = String(decoding: content, as: UTF8.self).split(whereSeparator: \.isWhitespace).prefix(4).map(
            String.init)
    }

    init(_ words: [String]) { self.words = words }

    static var current: LeaseHolder {
        LeaseHolder([boot, namespace, "\(processID())", startTime(of: processID()) ?? "0"])
    }

    /// Whether the process is alive; nil when that cannot be known here.
    var isAlive: Bool? {
        guard words.count == 4, words[0] == Self.boot, words[1] == Self.namespace, let pid = pid_t(words[2]), pid > 0,
            Self.boot != "?", Self.namespace != "?"
        else { return nil }
        do throws(Errno) {
            try sendSignal(0, to: pid)
        } catch {
            if error == .noSuchProcess { return false }
        }
        // Processes of other users may be hidden: proc(5), hidepid.
        guard isAccessible("/proc/\(pid)/stat", R_OK) else { return nil }
        return Self.startTime(of: pid) == words[3]
    }

    static var boot: String {
        let name = bootName()
        return name.isEmpty ? "?" : name
    }

    /// The number in `pid:[4026531836]`.
    private static var namespace: String {
        let number = (try? readLink("/proc/self/ns/pid"))?.filter(\.isNumber) ?? ""
        return number.isEmpty ? "?" : number
    }

    /// Returns field 22 of /proc/PID/stat, or nil for a zombie, which does no more work. The name before it may contain
    /// anything and ends at the last parenthesis; proc(5).
    private static func startTime(of pid: pid_t) -> String? {
        guard let bytes = try? readFile("/proc/\(pid)/stat", limit: 8192) else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 19 && fields[0] != "Z" ? String(fields[19]) : nil
    }
}
