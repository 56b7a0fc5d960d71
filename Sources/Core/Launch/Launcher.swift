package import Base
import CLinux
package import Linux

/// Executes a plan from outside the container: helpers, child, monitor, and the end of all of them. `Handshake.swift` draws it.
package struct Launcher {
    package internal(set) var plan: Plan
    package let plugins: any PluginPhases
    package let installation: Installation
    /// Whether this is a step of a build. Then nobody waits for this process to stop, and processes that a terminal or
    /// a script stops and continues with their process group do so by themselves.
    let isStep: Bool
    /// Nil without plugins.
    let guardian: PluginGuard?
    /// Which part of a container's start this is.
    var part = Part.whole

    enum Part {
        /// The container is made, and a program started in it.
        case whole
        /// The container is made for its keeper, which gets its namespaces over this socket, and a program started in it, or
        /// none.
        case kept(keeper: CInt, program: ProgramStreams?)
        /// A program is started in a container that exists already.
        case program(ContainerNamespaces)
    }

    var isForKeeper: Bool {
        if case .kept = part { return true }
        return false
    }

    package init(
        plan: Plan, plugins: any PluginPhases, installation: Installation, isStep: Bool, guardian: PluginGuard? = nil
    ) {
        self.guardian = guardian
        self.plan = plan
        self.plugins = plugins
        self.installation = installation
        self.isStep = isStep
    }

    /// Starts the container and stays until its first process has ended; in place, returns only to throw.
    /// - Parameter image: the open image file, lent; nil for a directory.
    package func run(image: CInt?) throws(SkiffError) -> ExitStatus {
        LaunchStep.planned.reached()
        if let instance = plan.instance, let links = instance.links { keep(instance, links, image: image) }
        if let sharing = plan.sharing { return try runShared(sharing, image: image) }
        try lockImages(image)
        return try runAlone(image: image)
    }

    /// Like `run`, with the image's lock.
    func runAlone(image: CInt?) throws(SkiffError) -> ExitStatus {
        if plan.process == .inPlace { try become(image) }
        do throws(SkiffError) {
            let status = try watch(image)
            plugins.stopped(status: status.code)
            return status
        } catch {
            plugins.stopped(status: 255)
            throw error
        }
    }

    /// Whether processes of a container live on, by the name of its mount namespace; namespaces(7).
    func isInUse(_ namespace: String?) -> Bool {
        guard let namespace else { return false }
        return processes().contains { (try? readLink("/proc/\($0)/ns/mnt")) == namespace }
    }

    /// Makes this process the program: nothing has to be done when the container has ended.
    private func become(_ image: CInt?) throws(SkiffError) -> Never {
        do throws(Errno) {
            try enterNew(namespaces)
        } catch {
            throw NamespaceAdvice.failure(error)
        }
        var links = ChildLinks(plan.root)
        links.status = try guardian?.becomeProgram()
        var child = Child(self, image: image, links: links, monitor: guardian?.monitor)
        try child.run()
    }

    private func watch(_ image: CInt?) throws(SkiffError) -> ExitStatus {
        _ = try during("cannot block signals") { () throws(Errno) in try setSignalMask(.all) }
        let cgroup = try makeCgroup()
        defer { cgroup?.remove() }
        var helpers = LaunchHelpers(plan)
        if let signal = try helpers.start(self, image: image) { return .signaled(signal) }
        var links = helpers.links
        links.cgroups = cgroup?.entrances
        let child = try StartedChild(self, image: image, links: links)
        helpers.childIsMade()
        cgroup?.closeEntrances()
        let pid = child.pid
        let held = child.held
        let namespace = child.mountNamespace
        let status: ExitStatus
        if let guardian {
            var isTold = false
            status = try guardian.watch(child, directory: helpers.directory) { (pidfd) throws(SkiffError) in
                isTold = true
                LaunchStep.running.reached()
                try held?.programRuns(plugins)
                plugins.started(pid: pid, pidfd: pidfd)
            }
            if !isTold { try held?.programRuns(plugins) }
        } else {
            status = try Monitor(child, standsForProgram: !isStep).wait { LaunchStep.running.reached() }
        }
        helpers.shutDown(after: status)
        cgroup?.tell(of: status)
        try plugins.waitForServers { isInUse(namespace) }
        return status
    }

    private func makeCgroup() throws(SkiffError) -> MadeCgroup? {
        guard let planned = plan.cgroup, !planned.isJoined else { return nil }
        return try MadeCgroup(planned)
    }

    /// Whether PID 1 tells a monitor that the program was stopped.
    var reportsStops: Bool {
        if case .kept = part { return false }
        return plan.process == .shim
    }

    var makesUserNamespace: Bool { namespaces.contains(.user) }

    /// Whether the child enters a container that exists already.
    var entersContainer: Bool {
        if case .program = part { return true }
        return false
    }

    /// The namespaces that the child makes for itself.
    var namespaces: Namespaces { entersContainer ? [] : plan.newNamespaces }
}
