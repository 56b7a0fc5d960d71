import CBridgeNet
import Glibc
import PluginAPI
import PluginKit

/// The network of a user who is not root: a user namespace around those of the user's containers, and a network namespace with
/// their bridges. One process has it, as long as one of the containers lives (`keeper.c`); this is a connection to it.
///
///     $XDG_RUNTIME_DIR/skiff-networks/NAMESPACES/lock      who connects, or changes addresses; /run/user/UID or ~/.apptainer/networks
///                                                          where that is not set
///     …/socket                                             the way to the keeper
///     …/leases, …/state                                    as root's: `StateDirectory`
final class UserNetwork {
    let state: StateDirectory
    /// In which the ends of pairs lie that are not in a container.
    let place: ContainerPlace
    private let socket: Int32
    /// The user namespace, for `plan.want_namespace`.
    var user: Int32 { place.user }

    private init(_ state: StateDirectory, _ socket: Int32, user: Int32, network: Int32) {
        (self.state, self.socket) = (state, socket)
        place = ContainerPlace(user: user, network: network)
    }

    deinit { for file in [socket, place.user, place.network] { _ = close(file) } }

    // MARK: connecting

    /// Connects to the keeper, which is started if there is none.
    static func open(_ session: Session) throws(PluginError) -> UserNetwork {
        guard let network = try open(session, starts: true) else {
            throw failure("cannot connect to the process that has your networks")
        }
        return network
    }

    /// - Parameter starts: whether a keeper is started if there is none.
    /// - Returns: nil where none serves.
    static func open(_ session: Session, starts: Bool) throws(PluginError) -> UserNetwork? {
        let state = try directory(session)
        let lock = Glibc.open(state.path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw failure("cannot open \(state.path)/lock") }
        defer { _ = close(lock) }
        while flock(lock, LOCK_EX) != 0, errno == EINTR {}
        let address = state.path + "/socket"
        if let network = try connect(to: address, state) { return network }
        guard starts else { return nil }
        state.forget()
        _ = unlink(address)
        try start(at: address, state, session)
        return try connect(to: address, state)
    }

    /// - Returns: nil where nobody serves: there is no socket, or the process that had it is ending, whose socket takes
    ///   connections for a moment longer.
    private static func connect(to address: String, _ state: StateDirectory) throws(PluginError) -> UserNetwork? {
        let socket = bn_connect_at(address)
        guard socket >= 0 else { return nil }
        let home = Glibc.open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC)
        defer { if home >= 0 { _ = close(home) } }
        var (user, network): (Int32, Int32) = (-1, -1)
        guard bn_ask(socket, [UInt8(ascii: "H"), 3], 2, home, &user, nil, 0) == 0, user >= 0,
            bn_ask(socket, [UInt8(ascii: "N")], 1, -1, &network, nil, 0) == 0, network >= 0
        else {
            let number = errno
            for file in [socket, user] where file >= 0 { _ = close(file) }
            if number == EPIPE || number == ECONNRESET { return nil }
            throw PluginError(
                "cannot use your networks", errno: number == 0 ? EPERM : number, status: SKIFF_E_SYSTEM)
        }
        return UserNetwork(state, socket, user: user, network: network)
    }

    /// Takes back what killed commands have left in a directory of `directory`: leases, and the socket of a keeper that has ended.
    static func release(_ path: String) throws(PluginError) {
        let lock =
            path.hasPrefix("/") && StateDirectory.isOwn(path)
            ? Glibc.open(path + "/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1
        guard lock >= 0 else {
            throw PluginError("cannot release \(path): no networks of yours have it")
        }
        defer { _ = close(lock) }
        while flock(lock, LOCK_EX) != 0, errno == EINTR {}
        let state: StateDirectory
        do throws(StateDirectory.Problem) {
            state = try StateDirectory(path, below: [])
        } catch {
            throw PluginError(error.text, errno: error.errno, status: SKIFF_E_SYSTEM)
        }
        // One that has not begun yet ends with the command that was about to have it begin.
        if try connect(to: path + "/socket", state) != nil {
            // It has forgotten ports and names of the dead by itself.
            return state.forgetDead()
        }
        state.forget()
        _ = unlink(path + "/socket")
    }

    private static func failure(_ text: String) -> PluginError {
        PluginError(text, errno: errno, status: SKIFF_E_SYSTEM)
    }

    /// One for each pair of namespaces that commands are started in: what is the host for one is none for the other.
    static func directory(_ session: Session) throws(PluginError) -> StateDirectory {
        func inode(_ name: String) -> UInt64 {
            var found = stat()
            return stat("/proc/self/ns/" + name, &found) == 0 ? UInt64(found.st_ino) : 0
        }
        let namespaces = "\(inode("user")).\(inode("net"))"
        let given = try session.variable("XDG_RUNTIME_DIR") ?? ""
        let runtime = [given, "/run/user/\(geteuid())"].first { $0.hasPrefix("/") && StateDirectory.isOwn($0) }
        let parents: [String]
        let path: String
        if let runtime {
            parents = [runtime + "/skiff-networks"]
            path = parents[0] + "/" + namespaces
        } else {
            // Where anybody may write, anybody could have the name first. Homes outlive boots, and hosts share them.
            let own = (try session.variable("HOME") ?? "") + "/.apptainer"
            let boot = (try? Host.read("/proc/sys/kernel/random/boot_id", limit: 64)) ?? []
            parents = [own, own + "/networks"]
            path = own + "/networks/\(String(decoding: boot.prefix(8), as: UTF8.self)).\(namespaces)"
        }
        do throws(StateDirectory.Problem) {
            return try StateDirectory(path, below: parents)
        } catch {
            throw PluginError(error.text, errno: error.errno, status: SKIFF_E_SYSTEM)
        }
    }

    /// - Returns: the path of the program that leads to other hosts; nil without any.
    static func uplink(_ session: Session) throws(PluginError) -> String? {
        if let pasta = try session.findProgram("pasta") { return pasta }
        return try session.findProgram("slirp4netns")
    }

    private static func start(at address: String, _ state: StateDirectory, _ session: Session) throws(PluginError) {
        let listener = bn_listen_at(address)
        guard listener >= 0 else { throw failure("cannot make \(address)") }
        defer { _ = close(listener) }
        // Another opening of the file than that which is locked now.
        let lock = Glibc.open(state.path + "/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard lock >= 0 else { throw failure("cannot open \(state.path)/lock") }
        defer { _ = close(lock) }
        var given = bn_keeper()
        (given.listener, given.lock) = (listener, lock)
        let uplink = try uplink(session) ?? ""
        given.is_pasta = uplink.hasSuffix("/pasta") ? 1 : 0
        copy(address, to: &given.address)
        copy(uplink, to: &given.uplink)
        var (to, from): (Int32, Int32) = (-1, -1)
        let pid = bn_start_keeper(&given, &to, &from)
        guard pid > 0 else {
            throw PluginError(
                "cannot make the namespaces of your networks\nUser namespaces must be allowed: skiff doctor tells",
                errno: errno, status: SKIFF_E_SYSTEM)
        }
        do throws(PluginError) {
            try IDMaps(session).write(for: pid, session)
        } catch {
            // It ends without a word.
            _ = close(to)
            _ = close(from)
            throw error
        }
        guard bn_keeper_is_ready(to, from) == 0 else { throw failure("cannot set up your networks") }
    }

    /// What does not fit ends up empty, which no program and no socket is.
    private static func copy<Tuple>(_ text: String, to place: inout Tuple) {
        let bytes = Array(text.utf8) + [0]
        withUnsafeMutableBytes(of: &place) { if bytes.count <= $0.count { $0.copyBytes(from: bytes) } }
    }

    // MARK: asking

    /// Has the way to other hosts made, if there is none yet, while other things are done.
    func startUplink() throws(PluginError) { try ask([UInt8(ascii: "S")], -1) }

    /// Waits until other hosts are reached.
    func wantUplink() throws(PluginError) {
        var words = [CChar](repeating: 0, count: 512)
        if bn_ask(socket, [UInt8(ascii: "U")], 1, -1, nil, &words, words.count) == 0 { return }
        if errno == ENOENT {
            throw PluginError(
                "cannot reach other hosts: there is neither pasta nor slirp4netns\nInstall the package passt",
                status: SKIFF_E_SYSTEM)
        }
        let reason = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        Kit.log(
            .warning,
            "the container reaches no other hosts: the uplink has ended" + (reason.isEmpty ? "" : ": " + reason))
    }

    /// Has a socket of this host lead into a container.
    /// - Parameter file: lent.
    func forward(_ file: Int32, to address: Address, port: UInt16) throws(PluginError) {
        let message = [UInt8(ascii: "P"), UInt8(port >> 8), UInt8(port & 0xFF)] + Self.bytes(address)
        try ask(message, file)
    }

    /// Gives an address a name for as long as this connection.
    /// - Parameter network: the namespace of its container, lent.
    func name(_ name: String, _ address: Address, _ network: Int32) throws(PluginError) {
        try ask([UInt8(ascii: "L")] + Self.bytes(address) + Array(name.utf8.prefix(253)), network)
    }

    /// - Returns: the network namespace of a container with this name, which the caller closes; nil without any.
    func network(of name: String) -> Int32? {
        let message = [UInt8(ascii: "J")] + Array(name.utf8.prefix(253))
        var network: Int32 = -1
        return bn_ask(socket, message, message.count, -1, &network, nil, 0) == 0 && network >= 0 ? network : nil
    }

    private static func bytes(_ address: Address) -> [UInt8] { [UInt8(address.bytes.count)] + address.bytes }

    private func ask(_ message: [UInt8], _ file: Int32) throws(PluginError) {
        guard bn_ask(socket, message, message.count, file, nil, nil, 0) == 0 else {
            throw Self.failure("cannot ask the process that has your networks")
        }
    }
}

/// The ids of the namespace around the user's containers, which are all what they are outside.
private struct IDMaps {
    private let users: [(first: UInt32, count: UInt32)]
    private let groups: [(first: UInt32, count: UInt32)]
    private let mappers: (user: String, group: String)?

    init(_ session: Session) throws(PluginError) {
        let name = try session.text("user") ?? ""
        users = Self.ranges("/etc/subuid", name)
        groups = Self.ranges("/etc/subgid", name)
        if let user = try session.findProgram("newuidmap"), let group = try session.findProgram("newgidmap") {
            mappers = (user, group)
        } else {
            mappers = nil
        }
    }

    /// subuid(5).
    private static func ranges(_ path: String, _ name: String) -> [(first: UInt32, count: UInt32)] {
        let text = (try? Host.read(path, limit: 1 << 22)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 3, fields[0] == name || fields[0] == String(getuid()), let first = UInt32(fields[1]),
                let count = UInt32(fields[2]), count > 0
            else { return nil }
            return (first, count)
        }
    }

    func write(for process: pid_t, _ session: Session) throws(PluginError) {
        if let mappers, !users.isEmpty, !groups.isEmpty {
            func words(_ own: UInt32, _ ranges: [(first: UInt32, count: UInt32)]) -> [String] {
                let all = [(first: own, count: 1)] + ranges
                return [String(process)] + all.flatMap { [String($0.first), String($0.first), String($0.count)] }
            }
            if try session.run(mappers.user, words(getuid(), users), fileSizeLimit: 0) == 0 {
                guard try session.run(mappers.group, words(getgid(), groups), fileSizeLimit: 0) == 0 else {
                    throw PluginError("cannot map the ids of /etc/subgid for your networks", status: SKIFF_E_SYSTEM)
                }
                return
            }
        }
        for (file, text) in [
            ("setgroups", "deny"), ("uid_map", "\(getuid()) \(getuid()) 1"), ("gid_map", "\(getgid()) \(getgid()) 1"),
        ] { try HostSetting.write(text, "/proc/\(process)/\(file)") }
    }
}
