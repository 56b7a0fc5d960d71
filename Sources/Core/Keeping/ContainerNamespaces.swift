import CLinux
package import Linux

/// The namespaces of a container as descriptors, which keep them alive and are the only way into them. Plain numbers: they are
/// lent to frames that are never left.
package struct ContainerNamespaces {
    private(set) var entries: [(kind: Namespaces, descriptor: CInt)] = []
    /// The way into the cgroups of the container.
    var cgroups = CgroupEntrances()

    var descriptors: [CInt] { entries.map(\.descriptor) + cgroups.descriptors }

    /// The user namespace first: it gives the right to enter the others. The mount namespace last: it takes /proc away.
    private static let order: [(kind: Namespaces, file: String, letter: UInt8)] = [
        (.user, "user", UInt8(ascii: "u")), (.pid, "pid", UInt8(ascii: "p")), (.ipc, "ipc", UInt8(ascii: "i")),
        (.uts, "uts", UInt8(ascii: "h")), (.network, "net", UInt8(ascii: "n")),
        (.cgroup, "cgroup", UInt8(ascii: "g")), (.mount, "mnt", UInt8(ascii: "m")),
    ]

    private static let end: [UInt8] = [UInt8(ascii: ".")]
    private static let early: [UInt8] = [UInt8(ascii: "c")]
    private static let late: [UInt8] = [UInt8(ascii: "d")]

    func has(_ kind: Namespaces) -> Bool { entries.contains { $0.kind == kind } }

    /// Returns the namespaces of these kinds that this process is in.
    static func open(_ kinds: Namespaces) throws(Errno) -> ContainerNamespaces {
        var result = ContainerNamespaces()
        for known in order where kinds.contains(known.kind) {
            result.entries.append((known.kind, try Linux.open("/proc/self/ns/" + known.file, O_RDONLY).release()))
        }
        return result
    }

    /// Returns those namespaces of a process that this process is not in.
    /// - Parameter directory: that of the process in /proc, open.
    package static func open(differingAt directory: CInt) throws(Errno) -> ContainerNamespaces {
        var result = ContainerNamespaces()
        for known in order {
            let file = try Linux.open("ns/" + known.file, O_RDONLY, at: directory)
            let own = try? status("/proc/self/ns/" + known.file)
            if let own, try status(of: file.raw).isSameFile(as: own) { continue }
            result.entries.append((known.kind, file.release()))
        }
        return result
    }

    func send(over socket: CInt) throws(Errno) {
        for known in Self.order {
            guard let entry = entries.first(where: { $0.kind == known.kind }) else { continue }
            try sendMessage([known.letter], descriptor: entry.descriptor, over: socket)
        }
        for descriptor in cgroups.early { try sendMessage(Self.early, descriptor: descriptor, over: socket) }
        for descriptor in cgroups.late { try sendMessage(Self.late, descriptor: descriptor, over: socket) }
        try sendMessage(Self.end, over: socket)
    }

    /// - Throws: `ENOTCONN` when the other end has gone before all were sent.
    static func receive(over socket: CInt) throws(Errno) -> ContainerNamespaces {
        var result = ContainerNamespaces()
        while true {
            var message = try receiveMessage(over: socket)
            if message.bytes == end { return result }
            let known = order.first { [$0.letter] == message.bytes }
            guard known != nil || message.bytes == early || message.bytes == late,
                let descriptor = message.descriptor.take()
            else {
                result.close()
                throw .notConnected
            }
            if let known {
                result.entries.append((known.kind, descriptor.release()))
            } else if message.bytes == early {
                result.cgroups.early.append(descriptor.release())
            } else {
                result.cgroups.late.append(descriptor.release())
            }
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

    func close() { for descriptor in descriptors { _ = CLinux.close(descriptor) } }
}
