import CLinux
import Linux

/// The namespaces of a container as descriptors, which keep them alive and are the only way into them. Plain numbers: they are
/// lent to frames that are never left.
struct ContainerNamespaces {
    private(set) var entries: [(kind: Namespaces, descriptor: CInt)] = []

    var descriptors: [CInt] { entries.map(\.descriptor) }

    /// The user namespace first: it gives the right to enter the others. The mount namespace last: it takes /proc away.
    private static let order: [(kind: Namespaces, file: String, letter: UInt8)] = [
        (.user, "user", UInt8(ascii: "u")), (.pid, "pid", UInt8(ascii: "p")), (.ipc, "ipc", UInt8(ascii: "i")),
        (.uts, "uts", UInt8(ascii: "h")), (.network, "net", UInt8(ascii: "n")), (.mount, "mnt", UInt8(ascii: "m")),
    ]

    private static let end: [UInt8] = [UInt8(ascii: ".")]

    /// Returns the namespaces of these kinds that this process is in.
    static func open(_ kinds: Namespaces) throws(Errno) -> ContainerNamespaces {
        var result = ContainerNamespaces()
        for known in order where kinds.contains(known.kind) {
            result.entries.append((known.kind, try Linux.open("/proc/self/ns/" + known.file, O_RDONLY).release()))
        }
        return result
    }

    func send(over socket: CInt) throws(Errno) {
        for known in Self.order {
            guard let entry = entries.first(where: { $0.kind == known.kind }) else { continue }
            try sendMessage([known.letter], descriptor: entry.descriptor, over: socket)
        }
        try sendMessage(Self.end, over: socket)
    }

    /// - Throws: `ENOTCONN` when the other end has gone before all were sent.
    static func receive(over socket: CInt) throws(Errno) -> ContainerNamespaces {
        var result = ContainerNamespaces()
        while true {
            var message = try receiveMessage(over: socket)
            if message.bytes == end { return result }
            guard let known = order.first(where: { [$0.letter] == message.bytes }),
                let descriptor = message.descriptor.take()
            else {
                result.close()
                throw .notConnected
            }
            result.entries.append((known.kind, descriptor.release()))
        }
    }

    /// Called in the process that makes the entering one. Only the children that a process makes from then on enter a
    /// PID namespace, and the process must be in the owning user namespace first.
    func prepareForChild() throws(Errno) {
        guard entries.contains(where: { $0.kind == .pid }) else { return }
        for entry in entries where Self.isPrepared(entry.kind) { try join(entry.descriptor, entry.kind) }
    }

    /// Enters the remaining namespaces. The root and current directory are then the container's.
    func enter() throws(Errno) {
        let isPrepared = entries.contains { $0.kind == .pid }
        for entry in entries where !(isPrepared && Self.isPrepared(entry.kind)) {
            try join(entry.descriptor, entry.kind)
        }
    }

    private static func isPrepared(_ kind: Namespaces) -> Bool { kind == .user || kind == .pid }

    func close() { for entry in entries { _ = CLinux.close(entry.descriptor) } }
}
