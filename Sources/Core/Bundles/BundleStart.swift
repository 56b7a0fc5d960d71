package import Base
package import CLinux
import Linux

/// A container of a bundle, or a program in one, while it is being started: seen from the command.
package struct StartingBundle: ~Copyable {
    package let pid: pid_t
    private let link: OwnedFD

    fileprivate init(pid: pid_t, link: consuming OwnedFD) {
        self.pid = pid
        self.link = link
    }

    /// What the command does at each step, in order.
    package struct Steps {
        /// Writes the maps of the child's new user namespace.
        package var maps: () throws(SkiffError) -> Void
        /// Runs the hooks of the runtime, and returns the state that those in the container read.
        package var hooks: () throws(SkiffError) -> [UInt8]
        /// Writes down what now exists, and returns the state that hooks in the container read when it is started.
        package var ready: () throws(SkiffError) -> [UInt8]

        package init(
            maps: @escaping () throws(SkiffError) -> Void, hooks: @escaping () throws(SkiffError) -> [UInt8],
            ready: @escaping () throws(SkiffError) -> [UInt8]
        ) {
            (self.maps, self.hooks, self.ready) = (maps, hooks, ready)
        }
    }

    /// Follows the child until it waits to be started, or has started. Where that fails the child has ended.
    package borrowing func follow(_ steps: Steps) throws(SkiffError) {
        do throws(SkiffError) {
            while true {
                let message = try during("cannot follow the container") { () throws(Errno) in
                    try receiveMessage(limit: BundleMessage.longest, over: link.raw).bytes
                }
                switch message.first.flatMap(BundleMessage.init(rawValue:)) {
                case .maps: try answer(try steps.maps())
                case .hooks: try answer(try steps.hooks())
                case .ready: try answer(try steps.ready())
                case .held: return
                case .error: throw SkiffError(String(bytes: message.dropFirst()))
                case nil: throw SkiffError("cannot start the container: its first process has ended too early")
                }
            }
        } catch {
            try? sendSignal(SIGKILL, to: pid)
            _ = try? waitFor(pid)
            throw error
        }
    }

    private borrowing func answer(_ nothing: Void) throws(SkiffError) { try answer([]) }

    private borrowing func answer(_ bytes: [UInt8]) throws(SkiffError) {
        try during("cannot follow the container", hint: "Its annotations may be too long") { () throws(Errno) in
            guard bytes.count <= BundleMessage.longest else { throw .overflow }
            try sendMessage(bytes.isEmpty ? [1] : bytes, over: link.raw)
        }
    }
}

extension Launcher {
    /// Clones the first process of a bundle's container.
    /// - Parameters:
    ///   - gate: by which it is started later.
    ///   - cgroup: where it lives; nil for that of this process.
    package func makeBundle(_ gate: StartGate, in cgroup: NamedCgroup?) throws(SkiffError) -> StartingBundle {
        guard let bundle = plan.bundle else { throw SkiffError("cannot make a container: there is no bundle") }
        return try clone(bundle, cgroup?.entrances, gate: gate) { (child, link) throws(SkiffError) in
            try child.makeBundle(bundle, link)
        }
    }

    /// Clones a process that enters a container and becomes a program there.
    package func enterBundle(_ namespaces: ContainerNamespaces, in cgroup: NamedCgroup?) throws(SkiffError)
        -> StartingBundle
    {
        guard let bundle = plan.bundle else { throw SkiffError("cannot start a program: there is no bundle") }
        try during("cannot enter the container") { () throws(Errno) in
            // This process holds something of the host in a namespace of the container.
            try setDumpable(false)
            try namespaces.prepareForChild()
        }
        return try clone(bundle, cgroup?.entrances, gate: nil) { (child, link) throws(SkiffError) in
            try child.enterBundle(bundle, namespaces, link)
        }
    }

    private func clone(
        _ bundle: PlannedBundle, _ entrances: CgroupEntrances?, gate: StartGate?,
        _ body: (borrowing Child, BundleLinks) throws(SkiffError) -> Never
    ) throws(SkiffError) -> StartingBundle {
        let pair = try during("cannot make a socket") { () throws(Errno) in try makeSocketPair() }
        let ours = OwnedFD(adopting: pair.first)
        let theirs = OwnedFD(adopting: pair.second)
        let monitor = processID()
        let pid: pid_t
        do throws(Errno) {
            pid = try cloneChild(bundle, entering: gate == nil)
        } catch {
            throw NamespaceAdvice.failure(error)
        }
        if pid == 0 {
            _ = CLinux.close(ours.raw)
            let link = BundleLinks(command: theirs.raw, gate: gate)
            var links = ChildLinks(nil)
            links.cgroups = entrances
            let child = Child(self, image: nil, links: links, monitor: monitor)
            do throws(SkiffError) {
                try body(child, link)
            } catch {
                link.tell(.error, error.description)
                _exit(255)
            }
        }
        try? theirs.close()
        return StartingBundle(pid: pid, link: ours)
    }

    /// A user namespace that exists is entered before the others are made, so that they belong to it; and by a process
    /// between, because this one could not come back.
    private func cloneChild(_ bundle: PlannedBundle, entering: Bool) throws(Errno) -> pid_t {
        if entering { return try cloneProcess() }
        // The cgroup namespace is made when the process is in its cgroup.
        let made = plan.namespaces.subtracting(.cgroup)
        let processes = bundle.joined.first { $0.kind == .pid }
        guard let user = bundle.joined.first(where: { $0.kind == .user }) else {
            if let processes { try Linux.join(processes.descriptor, .pid) }
            return try cloneProcess(made)
        }
        let pipe = try makePipe()
        let reading = OwnedFD(adopting: pipe.first)
        let writing = OwnedFD(adopting: pipe.second)
        let between = try cloneProcess()
        if between == 0 {
            var report: (pid: pid_t, error: CInt) = (0, 0)
            do throws(Errno) {
                try Linux.join(user.descriptor, .user)
                try setDumpable(false)
                if let processes { try Linux.join(processes.descriptor, .pid) }
                report.pid = try cloneProcess(made, asSibling: true)
                if report.pid == 0 { return 0 }
            } catch {
                report.error = error.rawValue
            }
            try? withUnsafeBytes(of: report) { bytes throws(Errno) in try writeFully(writing.raw, bytes) }
            _exit(0)
        }
        try writing.close()
        var report: (pid: pid_t, error: CInt) = (0, EPIPE)
        try withUnsafeMutableBytes(of: &report) { bytes throws(Errno) in _ = try read(reading.raw, into: bytes) }
        _ = try waitFor(between)
        guard report.error == 0 else { throw Errno(report.error) }
        return report.pid
    }
}
