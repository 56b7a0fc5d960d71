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
    var elements: [String] = []

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
            + leases.map { "lease \($0)" } + elements.map { "element \($0)" }
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
        elements = fields.filter { $0.key == "element" }.map(\.value)
    }

    /// Takes everything back that is there, under the lock.
    static func release(_ name: String, in directory: StateDirectory) throws(Rules.Problem) {
        let path = directory.statePath(name)
        guard let bytes = try? Host.read(path, limit: 1 << 20) else { return }
        defer { _ = unlink(path) }
        guard let made = Attachment(parsing: String(decoding: bytes, as: UTF8.self)) else { return }
        defer {
            for lease in made.leases where Owner(ofLease: lease)?.container == made.owner.container {
                _ = unlink(lease)
            }
        }
        guard made.namespace == currentNamespace else { return }
        if !made.link.isEmpty { _ = bn_delete_link(made.link) }
        if !made.bridge.isEmpty { removeBridge(made.bridge) }
        guard !made.elements.isEmpty else { return }
        let others = directory.states.filter { $0 != name }
            .compactMap { try? Host.read(directory.statePath($0), limit: 1 << 20) }
            .compactMap { Attachment(parsing: String(decoding: $0, as: UTF8.self)) }
        if others.contains(where: { $0.namespace == made.namespace && !$0.elements.isEmpty }) {
            try Rules.remove(made.elements)
        } else {
            try Rules.removeTable()
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
            return made.namespace == currentNamespace && !made.owner.isAlive
        }
        for name in ended { try? release(name, in: directory) }
        return !ended.isEmpty
    }

    /// Says on a bridge that this plugin has made it, so that it goes with its last port.
    static let mark = "skiff"

    private static func removeBridge(_ name: String) {
        let index = if_nametoindex(name)
        var alias = [CChar](repeating: 0, count: 64)
        guard index > 0, bn_alias(index, &alias, alias.count) == 0,
            String(decoding: alias.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) == mark,
            bn_count_ports(index) == 0
        else { return }
        _ = bn_delete_link(name)
    }
}
