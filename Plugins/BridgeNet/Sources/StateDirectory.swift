import Glibc
import PluginKit

/// What BridgeNet keeps about containers that live: files of their owner alone in memory, which the next boot does not have.
///
///     /run/skiff/networks/lock                       root's; `UserNetwork` says where those of others lie
///     /run/skiff/networks/leases/NETWORK/ADDRESS     who has an address
///     /run/skiff/networks/state/CONTAINER.INDEX      what to take back
struct StateDirectory {
    struct Problem: Error { let text: String, errno: Int32 }

    let path: String

    /// Root's.
    init() throws(Problem) {
        guard mkdir("/run/skiff", 0o755) == 0 || errno == EEXIST else {
            throw Problem(text: "cannot make directory /run/skiff", errno: errno)
        }
        try self.init("/run/skiff/networks", below: [])
    }

    /// Makes what is missing.
    /// - Parameter parents: directories that are made as well, and must be the caller's own.
    init(_ path: String, below parents: [String]) throws(Problem) {
        self.path = path
        for folder in parents + [path] {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw Problem(text: "cannot make directory \(folder)", errno: errno)
            }
            guard Self.isOwn(folder) else {
                throw Problem(text: "cannot use directory \(folder): it is not the caller's own", errno: 0)
            }
        }
        for folder in [path + "/leases", path + "/state"] {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw Problem(text: "cannot make directory \(folder)", errno: errno)
            }
        }
    }

    /// Whether it is a directory of this user in which nobody else writes.
    static func isOwn(_ path: String) -> Bool {
        var found = stat()
        return lstat(path, &found) == 0 && found.st_uid == geteuid() && found.st_mode & S_IFMT == S_IFDIR
            && found.st_mode & 0o022 == 0
    }

    /// Removes all leases: nobody lives who could have one.
    func forget() {
        for lease in leases() { _ = unlink(leasePath(lease.address, of: lease.network)) }
    }

    /// Removes leases of processes that have ended.
    func forgetDead() {
        for lease in leases() where !lease.owner.isAlive { _ = unlink(leasePath(lease.address, of: lease.network)) }
    }

    /// Runs a body while no other command changes networks.
    func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        let file = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        defer { if file >= 0 { _ = close(file) } }
        while file >= 0, flock(file, LOCK_EX) != 0, errno == EINTR {}
        return try body()
    }

    // MARK: leases

    /// Takes an address for an owner.
    /// - Returns: whether it was free.
    func lease(_ address: Address, of network: String, for owner: Owner) throws(Problem) -> Bool {
        let folder = path + "/leases/" + network
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw Problem(text: "cannot make directory \(folder)", errno: errno)
        }
        let path = folder + "/" + address.text
        if let holder = Owner(ofLease: path) {
            if holder.isAlive { return false }
            // Whoever takes its states back later must not take this address as well.
            Attachment.releaseAll(of: holder.container, in: self)
        }
        _ = unlink(path)
        try Self.write(owner.text, to: path)
        return true
    }

    func leasePath(_ address: String, of network: String) -> String { "\(path)/leases/\(network)/\(address)" }

    /// Every lease, as network, address and owner.
    func leases() -> [(network: String, address: String, owner: Owner)] {
        let root = path + "/leases"
        return ((try? Host.names(in: root)) ?? []).flatMap { network in
            ((try? Host.names(in: root + "/" + network)) ?? []).compactMap { address in
                Owner(ofLease: "\(root)/\(network)/\(address)").map { (network, address, $0) }
            }
        }
    }

    // MARK: states

    func statePath(_ name: String) -> String { path + "/state/" + name }

    var states: [String] { (try? Host.names(in: path + "/state")) ?? [] }

    static func write(_ text: String, to path: String) throws(Problem) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Problem(text: "cannot make \(path)", errno: errno) }
        defer { _ = close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
            let number = errno
            _ = unlink(path)
            throw Problem(text: "cannot write \(path)", errno: number)
        }
    }
}

/// A command that lives as long as its container.
struct Owner: Equatable, Sendable {
    let container: String
    let pid: Int32
    /// In clock ticks since the boot: tells it from a later process with its number.
    let start: String
    /// Mapped ports, as `8080/tcp:80`, and the name of an instance; only in leases.
    var ports: [String] = []
    var instance: String?

    /// This process.
    init(container: String) {
        (self.container, pid) = (container, getpid())
        start = Self.start(of: getpid()) ?? ""
    }

    init?(parsing text: String) {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count >= 3, let pid = Int32(words[1]) else { return nil }
        (container, self.pid, start) = (String(words[0]), pid, String(words[2]))
        for word in words.dropFirst(3) {
            if word.hasPrefix("port=") { ports.append(String(word.dropFirst(5))) }
            if word.hasPrefix("instance=") { instance = String(word.dropFirst(9)) }
        }
    }

    /// - Returns: nil without a whole lease at the path.
    init?(ofLease path: String) {
        guard let bytes = try? Host.read(path, limit: 4096) else { return nil }
        self.init(parsing: String(decoding: bytes, as: UTF8.self))
    }

    var text: String {
        let notes = ports.map { " port=" + $0 } + (instance.map { [" instance=" + $0] } ?? [])
        return "\(container) \(pid) \(start)\(notes.joined())\n"
    }

    var isAlive: Bool { Self.start(of: pid) == start }

    /// proc_pid_stat(5), field 22; the name in parentheses may hold anything. One that is ending has closed its ports before it is a
    /// zombie: field 9, PF_EXITING.
    private static func start(of pid: Int32) -> String? {
        guard let bytes = try? Host.read("/proc/\(pid)/stat", limit: 4096), let end = bytes.lastIndex(of: 0x29) else {
            return nil
        }
        let fields = String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", let flags = UInt64(fields[6]), flags & 4 == 0 else { return nil }
        return String(fields[19])
    }
}
