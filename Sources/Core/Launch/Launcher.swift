package import Base
import CLinux
package import Linux

/// Executes a plan from outside the container: helpers, child, monitor, and the end of all of them. `Handshake.swift` draws it.
package struct Launcher {
    package let plan: Plan
    package let plugins: any PluginPhases
    package let installation: Installation
    /// Whether it is a step of a build. Then nobody waits for this process to stop, and all that a terminal or a script stops
    /// and continues with their process group, do so by themselves.
    let isStep: Bool

    package init(plan: Plan, plugins: any PluginPhases, installation: Installation, isStep: Bool) {
        self.plan = plan
        self.plugins = plugins
        self.installation = installation
        self.isStep = isStep
    }

    /// Starts the container and stays until its first process has ended; in place, does not come back but to throw.
    /// - Parameter image: the open image file, lent; nil for a directory.
    package func run(image: CInt?) throws(SkiffError) -> ExitStatus {
        LaunchStep.planned.reached()
        if let image { try lock(image) }
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

    /// An ext3 image has one writer or many readers, Apptainer's among them: it locks the same bytes in the same way.
    private func lock(_ image: CInt) throws(SkiffError) {
        let root = plan.image
        guard root.filesystem == .ext3 else { return }
        let isFree = try during("cannot lock \(root.path)") { () throws(Errno) in
            try tryLock(image, offset: root.range.offset, size: root.range.size, exclusive: root.writable)
        }
        if !isFree {
            throw SkiffError(
                "can't open \(root.path) for "
                    + (root.writable
                        ? "writing, currently in use by another process"
                        : "reading, currently in use for writing by another process"))
        }
    }

    /// This process becomes the program: nothing has to be done when the container has ended.
    private func become(_ image: CInt?) throws(SkiffError) -> Never {
        do throws(Errno) {
            try enterNew(namespaces)
        } catch {
            throw NamespaceAdvice.failure(error)
        }
        try Child(self, image: image, links: ChildLinks(plan.root), monitor: nil).run()
    }

    /// What the plan has of helpers is started, then the child; each owner ends its own, the last one first.
    private func watch(_ image: CInt?) throws(SkiffError) -> ExitStatus {
        // Before the first helper exists, so that no signal can leave one behind.
        _ = try during("cannot block signals") { () throws(Errno) in try setSignalMask(.all) }
        var extraction: Extraction?
        if plan.image.driver == .extracted, let image {
            switch try Extraction.unpack(plan.image, file: image, installation: installation) {
            case .unpacked(let made): extraction = consume made
            case .interrupted(let signal): return .signaled(signal)
            }
        }
        var links = ChildLinks(plan.root)
        var supervisor: SupervisorLink?
        var handover: OwnedFD?
        if plan.root?.supervisor == .own {
            let started = try SupervisorLink.start(installation)
            let socket = try started.handover()
            links.supervisor = socket.raw
            handover = consume socket
            supervisor = consume started
        }
        var server: ImageServerLink?
        if plan.image.driver == .server, let image {
            let started = try ImageServerLink.start(installation, plan.image, file: image)
            links.server = started.control.raw
            server = consume started
        }
        let child = try StartedChild(self, image: image, links: links)
        // The child has its own. Closed by a call: the optimizer ends what is merely dropped before the child is made.
        try? handover.take()?.close()
        let pid = child.pid
        let status = try Monitor(child, standsForProgram: !isStep).wait {
            LaunchStep.running.reached()
            if !plugins.participants.isEmpty, let pidfd = try? openPidFD(pid) {
                plugins.started(pid: pid, pidfd: pidfd.raw)
            }
        }
        server.take()?.shutDown(after: status)
        supervisor.take()?.shutDown()
        extraction.take()?.finish()
        return status
    }

    /// Those that the child is in.
    var namespaces: Namespaces { plan.user == .none ? plan.namespaces : plan.namespaces.union(.user) }
}
