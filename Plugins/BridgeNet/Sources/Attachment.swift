import CBridgeNet
import Glibc
import PluginKit

/// What was made for one interface of a container, written down before it is made: `detach` and the command that follows a
/// killed one take it back from this.
struct Attachment {
    var owner: Owner
    /// The network namespace of the host, by its inode: the rules of another one are not ours to change.
    var namespace: UInt64
    /// The end of a pair that stays outside.
    var link = ""
    var bridge = ""
    /// Paths of leases.
    var leases: [String] = []
    /// Elements of `Rules`.
    var elements: [Rules.Element] = []
    /// What firewalls of the host were told to accept.
    var accepted: [Address] = []

    static func name(_ container: String, _ index: Int) -> String { "\(container).\(index)" }

    /// Inode of this process's network namespace.
    static var currentNamespace: UInt64 {
        var found = stat()
        return stat("/proc/self/ns/net", &found) == 0 ? UInt64(found.st_ino) : 0
    }

    var text: String {
        let lines =
            ["owner \(owner.text.dropLast())", "namespace \(namespace)"]
            + (link.isEmpty ? [] : ["link \(link)"]) + (bridge.isEmpty ? [] : ["bridge \(bridge)"])
            + leases.map { "lease \($0)" } + accepted.map { "accept \($0.text)" }
            + elements.map { "element \($0.text)" }
        return lines.map { $0 + "\n" }.joined()
    }

    init(owner: Owner) { (self.owner, namespace) = (owner, Self.currentNamespace) }

    /// - Returns: nil for what is no whole record.
    init?(parsing text: String) {
        var fields: [(key: Substring, value: String)] = []
        for line in text.split(separator: "\n") {
            guard let blank = line.firstIndex(of: " ") else { return nil }
            fields.append((line[..<blank], String(line[line.index(after: blank)...])))
        }
        func value(_ key: String) -> String? { fields.first { $0.key == key }?.value }
        guard let owner = value("owner").flatMap({ Owner(parsing: $0) }),
            let namespace = value("namespace").flatMap({ UInt64($0) })
        else { return nil }
        (self.owner, self.namespace) = (owner, namespace)
        (link, bridge) = (value("link") ?? "", value("bridge") ?? "")
        leases = fields.filter { $0.key == "lease" }.map(\.value)
        accepted = fields.filter { $0.key == "accept" }.compactMap { Address($0.value) }
        elements = fields.filter { $0.key == "element" }.compactMap { Rules.Element(parsing: $0.value) }
    }

    /// The end of a name in the state directory of which only interfaces are left to be deleted.
    private static let ending = ".ending"

    /// Takes everything back that is there, under the lock.
    /// - Parameter waits: whether the interfaces are deleted when it comes back. Otherwise they carry nothing more, and a process of
    ///   its own deletes them: that takes the kernel longer than a start.
    static func release(_ name: String, in directory: StateDirectory, waits: Bool = true) throws(Rules.Problem) {
        let path = directory.statePath(name)
        guard let bytes = try? Host.read(path, limit: 1 << 20) else { return }
        guard let made = Attachment(parsing: String(decoding: bytes, as: UTF8.self)) else {
            _ = unlink(path)
            return
        }
        let isHere = made.namespace == currentNamespace
        var rules: Int32 = -1
        defer {
            let group = isHere ? made.retire() : nil
            for lease in made.leases where Owner(ofLease: lease)?.container == made.owner.container {
                _ = unlink(lease)
            }
            made.delete(group, path, rules, waits: waits)
            if rules >= 0 { _ = close(rules) }
        }
        if isHere, !made.accepted.isEmpty, !name.hasSuffix(ending) { Firewalls.withdraw(made.accepted) }
        guard isHere, !made.elements.isEmpty else { return }
        let others = directory.states.filter { $0 != name && !$0.hasSuffix(ending) }
            .compactMap { try? Host.read(directory.statePath($0), limit: 1 << 20) }
            .compactMap { Attachment(parsing: String(decoding: $0, as: UTF8.self)) }
        if others.contains(where: { $0.namespace == made.namespace && !$0.elements.isEmpty }) {
            rules = try Rules.remove(made.elements)
        } else {
            rules = try Rules.removeTable()
        }
    }

    /// Has the pair, and the bridge if it was its last port, carry nothing more; another bridge may have its name at once.
    /// - Returns: the group of interfaces to delete.
    private func retire() -> UInt32? {
        guard !link.isEmpty else { return nil }
        let index = if_nametoindex(link)
        if index > 0 { _ = bn_retire_link(index, group, nil) }
        let bridgeIndex = bridge.isEmpty ? 0 : if_nametoindex(bridge)
        if bridgeIndex > 0, Self.isOwnAndEmpty(bridgeIndex) {
            _ = bn_retire_link(bridgeIndex, group, "skiff" + link.dropFirst("veth".count))
        }
        return group
    }

    /// That of no other container, nor of anybody who gives groups by hand.
    private var group: UInt32 { 0x4000_0000 | (UInt32(link.dropFirst("veth".count), radix: 16) ?? 0) & 0x3FFF_FFFF }

    /// - Parameter rules: a socket of `Rules.remove`, lent.
    private func delete(_ group: UInt32?, _ path: String, _ rules: Int32, waits: Bool) {
        guard let group else {
            _ = unlink(path)
            return
        }
        let rest = path.hasSuffix(Self.ending) ? path : path + Self.ending
        let file = waits ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        defer { if file >= 0 { _ = close(file) } }
        if file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0, rename(path, rest) == 0 {
            if bn_delete_group_aside(group, file, rules, rest) == 0 { return }
            _ = bn_delete_group(group)
            _ = unlink(rest)
        } else {
            _ = bn_delete_group(group)
            _ = unlink(path)
        }
    }

    /// Deletes interfaces whose process was killed before it could, under the lock.
    static func finishEnding(in directory: StateDirectory) {
        for name in directory.states where name.hasSuffix(ending) {
            let file = open(directory.statePath(name), O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard file >= 0 else { continue }
            if flock(file, LOCK_EX | LOCK_NB) == 0 { try? release(name, in: directory) }
            _ = close(file)
        }
    }

    /// Takes back what a container that has ended has left, under the lock.
    static func releaseAll(of container: String, in directory: StateDirectory) {
        for name in directory.states where name.hasPrefix(container + ".") { try? release(name, in: directory) }
    }

    /// The same for all that have ended in this network namespace.
    /// - Returns: whether there was any.
    static func releaseEnded(in directory: StateDirectory) -> Bool {
        let ended = directory.states.filter { name in
            guard let bytes = try? Host.read(directory.statePath(name), limit: 1 << 20),
                let made = Attachment(parsing: String(decoding: bytes, as: UTF8.self))
            else { return false }
            return made.namespace == currentNamespace && !made.owner.isAlive && !name.hasSuffix(ending)
        }
        for name in ended { try? release(name, in: directory) }
        return !ended.isEmpty
    }

    /// Says on a bridge that this plugin has made it, so that it goes with its last port.
    static let mark = "skiff"

    private static func isOwnAndEmpty(_ index: UInt32) -> Bool {
        var alias = [CChar](repeating: 0, count: 64)
        return bn_alias(index, &alias, alias.count) == 0
            && String(decoding: alias.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) == mark
            && bn_count_ports(index) == 0
    }
}
