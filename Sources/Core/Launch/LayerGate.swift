import Base
import CLinux
import Linux

/// Has plugins serve the layers and the images of binds that a child mounts: the child hands in /dev/fuse for each, and waits until it is served.
struct LayerGate {
    private let sockets: GateSockets
    /// `Plan.served`.
    private let images: [ServedLayer?]

    /// - Parameter plan: nil for a container that exists already.
    init(_ plan: Plan?) throws(SkiffError) {
        images = plan?.served ?? []
        sockets = try GateSockets(isNeeded: images.contains { $0?.pluginService != nil })
    }

    var isNeeded: Bool { sockets.areNeeded }

    /// Called in the child: returns its end.
    func childEnd() -> CInt? { sockets.childEnd() }

    /// Called in the child, in its namespaces.
    static func show(_ namespaces: Namespaces, over link: CInt) throws(SkiffError) {
        try during("cannot show the namespaces to the servers of layers") { () throws(Errno) in
            let opened = try ContainerNamespaces.open(namespaces)
            try opened.send(over: link)
            opened.close()
        }
    }

    /// Called in the parent: serves every layer. When a plugin fails, the child is ended. Returns early when the child has
    /// failed, and has said why.
    func open(for child: pid_t, _ plugins: any PluginPhases) throws(SkiffError) {
        guard let link = sockets.parentEnd() else { return }
        guard let namespaces = try? ContainerNamespaces.receive(over: link.raw) else { return }
        defer { namespaces.close() }
        do throws(SkiffError) {
            let process = try during("cannot watch the container") { () throws(Errno) in try openPidFD(child) }
            let place = ContainerPlace(pid: child, pidfd: process.raw, namespaces)
            for _ in images.filter({ $0?.pluginService != nil }) {
                guard var message = try? receiveMessage(over: link.raw), let index = message.bytes.first,
                    images.indices.contains(Int(index)), let image = images[Int(index)],
                    let fuse = message.descriptor.take()
                else { return }
                try plugins.serve(image, fuse: fuse.raw, place)
                // Before the child goes on: it must end with the server.
                try? fuse.close()
                try? sendMessage([1], over: link.raw)
            }
        } catch {
            try? sendSignal(SIGKILL, to: child)
            _ = try? waitFor(child)
            throw error
        }
    }

    func close() { sockets.close() }
}
