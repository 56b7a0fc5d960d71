import Base
import CLinux
import Linux

/// The container's first process, seen from its monitor.
struct StartedChild: ~Copyable {
    let pid: pid_t
    /// Reaches end of file when the program runs.
    let running: OwnedFD
    /// What a shim reports; nil without one.
    let reports: OwnedFD?
    /// Nil unless plugins take part in the start.
    let held: HeldContainer?
    /// Whether it is a shim, PID 1 of the container, and not the program.
    let isShim: Bool
    /// Names its mount namespace, where plugins serve layers.
    let mountNamespace: String?

    /// One that another process has made.
    init(pid: pid_t, running: consuming OwnedFD, reports: consuming OwnedFD?, isShim: Bool) {
        self.pid = pid
        self.running = running
        self.reports = reports
        self.isShim = isShim
        held = nil
        mountNamespace = nil
    }

    /// Clones the child, which has all signals blocked until it becomes the program.
    /// - Parameter links: the links to the helpers; the rest is added.
    init(_ launcher: Launcher, image: CInt?, links: ChildLinks) throws(SkiffError) {
        var links = links
        let maps = try MapGate(
            launcher.makesUserNamespace ? launcher.plan.user : .none, areWritten: launcher.plan.outerUser != nil)
        let gate = try ReleaseGate(launcher.entersContainer ? nil : launcher.plan)
        let layers = try LayerGate(launcher.entersContainer ? nil : launcher.plan)
        // A keeper watches itself what it starts.
        let guardian = launcher.isForKeeper ? nil : launcher.guardian
        let monitor = guardian?.monitor ?? processID()
        let status = try Self.makeReports()
        let shim = launcher.reportsStops ? try Self.makeReports() : nil
        let pid: pid_t
        do throws(Errno) {
            if case .program(let entered) = launcher.part {
                // This process holds something of the host in a namespace of the container: see `Child.closeMemory`.
                if launcher.plan.user != .none { try setDumpable(false) }
                try entered.prepareForChild()
            }
        } catch {
            Self.close(maps, gate, layers)
            throw NamespaceAdvice.failure(error)
        }
        do throws(SkiffError) {
            pid = try Self.clone(launcher, for: guardian, &links)
        } catch {
            Self.close(maps, gate, layers)
            throw error
        }
        if pid == 0 {
            links.mapped = maps.wait()
            links.release = gate.childEnd()
            links.serving = layers.childEnd()
            links.status = status.second
            links.reports = shim?.second
            var child = Child(launcher, image: image, links: links, monitor: monitor)
            child.runOrReport()
        }
        for pipe in [status, shim] { if let pipe { _ = CLinux.close(pipe.second) } }
        Inheritance.closeDescriptors()
        if case .program(let entered) = launcher.part { entered.close() }
        try maps.open(for: pid)
        let container = try gate.open(for: pid, launcher.plugins)
        let namespace = layers.isNeeded ? try? readLink("/proc/\(pid)/ns/mnt") : nil
        try layers.open(for: pid, launcher.plugins)
        held = container
        mountNamespace = namespace
        self.pid = pid
        isShim = launcher.reportsStops
        running = OwnedFD(adopting: status.first)
        reports = shim.map { OwnedFD(adopting: $0.first) }
    }

    private static func close(_ maps: MapGate, _ gate: ReleaseGate, _ layers: LayerGate) {
        maps.close()
        gate.close()
        layers.close()
    }

    private static func clone(_ launcher: Launcher, for guardian: PluginGuard?, _ links: inout ChildLinks)
        throws(SkiffError) -> pid_t
    {
        if let nested = NestedClone(launcher) {
            return try nested.make(for: guardian) { () throws(Errno) in
                try clone(launcher, asSibling: true, &links)
            }
        }
        do throws(Errno) {
            return try clone(launcher, asSibling: guardian != nil, &links)
        } catch {
            throw NamespaceAdvice.failure(error)
        }
    }

    /// Clones the child into its cgroup, or has it go there first of all.
    private static func clone(_ launcher: Launcher, asSibling: Bool, _ links: inout ChildLinks) throws(Errno) -> pid_t {
        if case .program(let entered) = launcher.part { links.cgroups = entered.cgroups }
        if let directory = links.cgroups?.birthplace,
            let pid = try? cloneProcess(launcher.namespaces, asSibling: asSibling, cgroup: directory)
        {
            links.cgroups?.isBornThere = true
            return pid
        }
        return try cloneProcess(launcher.namespaces, asSibling: asSibling)
    }

    /// Returns a pipe that signals the monitor when it becomes readable: the monitor waits only for signals.
    private static func makeReports() throws(SkiffError) -> DescriptorPair {
        try during("cannot make a pipe") { () throws(Errno) in
            let pipe = try makePipe()
            try signalWhenReadable(pipe.first)
            return pipe
        }
    }
}
