import Base
import CLinux
import Linux

/// Holds a child back, in its new namespaces, until plugins have worked on them; afterwards it carries the messages of the
/// child's plugins.
struct ReleaseGate {
    private let sockets: GateSockets
    private let plan: Plan?

    /// Holds nothing back when no plugin asks for it.
    /// - Parameter plan: nil for a container that exists already.
    init(_ plan: Plan?) throws(SkiffError) {
        self.plan = plan
        sockets = try GateSockets(isNeeded: plan?.plugins.contains(where: \.holdsStart) ?? false)
    }

    /// Called in the child: returns its end.
    func childEnd() -> CInt? { sockets.childEnd() }

    /// Called in the parent: has plugins work on the namespaces, and lets the child go on. When a plugin fails, the child
    /// is ended.
    /// - Returns: nil when it holds nothing back, or the child has failed before, and has said why.
    func open(for child: pid_t, _ plugins: any PluginPhases) throws(SkiffError) -> HeldContainer? {
        guard let link = sockets.parentEnd() else { return nil }
        do throws(SkiffError) {
            guard let plan, let container = try HeldContainer(child, link) else { return nil }
            try plugins.created(container.place)
            container.results = try plugins.attach(container.place)
            try container.release(try NetworkFile.all(of: plan, container.results))
            return container
        } catch {
            try? sendSignal(SIGKILL, to: child)
            _ = try? waitFor(child)
            throw error
        }
    }

    func close() { sockets.close() }
}

/// A container in whose start plugins take part, seen from its monitor. A class, because optionals of move-only values
/// cannot be lent.
final class HeldContainer {
    private let link: OwnedFD
    private let namespaces: ContainerNamespaces
    private let pid: pid_t
    private let pidfd: OwnedFD
    /// What its networks have told.
    fileprivate(set) var results: [NetworkResult] = []

    /// In bytes: those of a plugin's message, and the plugin's number.
    private static let longestMessage = 4097

    /// Receives the namespaces of a child.
    /// - Returns: nil when the child has ended before.
    init?(_ child: pid_t, _ link: consuming OwnedFD) throws(SkiffError) {
        guard let received = try? ContainerNamespaces.receive(over: link.raw) else { return nil }
        namespaces = received
        pid = child
        pidfd = try during("cannot watch the container") { () throws(Errno) in try openPidFD(child) }
        self.link = link
    }

    deinit { namespaces.close() }

    var place: ContainerPlace {
        ContainerPlace(pid: pid, pidfd: pidfd.raw, namespaces)
    }

    /// - Parameter files: what the child mounts instead of what the plan has.
    fileprivate func release(_ files: [NetworkFile]) throws(SkiffError) {
        let link = link.raw
        try during("cannot start the container") { () throws(Errno) in
            for file in files { try sendMessage(file.message, over: link) }
            try sendMessage([1], over: link)
        }
    }

    /// Called when the program runs, or can no longer start.
    func programRuns(_ plugins: any PluginPhases) throws(SkiffError) {
        while (try? waitReadable(link.raw, milliseconds: 0)) == true {
            guard let message = try? receiveMessage(limit: Self.longestMessage, over: link.raw), !message.bytes.isEmpty
            else { break }
            try plugins.received(message.bytes)
        }
        if (try? waitReadable(pidfd.raw, milliseconds: 0)) == false { try plugins.running(place) }
    }
}

extension ContainerPlace {
    /// - Parameter namespaces: lent.
    init(pid: pid_t, pidfd: CInt, _ namespaces: ContainerNamespaces) {
        func descriptor(_ kind: Namespaces) -> CInt? { namespaces.entries.first { $0.kind == kind }?.descriptor }
        self.init(
            pid: pid, pidfd: pidfd, user: descriptor(.user), network: descriptor(.network), ipc: descriptor(.ipc),
            uts: descriptor(.uts), pidNamespace: descriptor(.pid))
    }
}
