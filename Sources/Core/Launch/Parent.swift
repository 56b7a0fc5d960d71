package import Base
import CLinux
package import Linux

/// Executes a plan from outside the container: image server, clone, monitor, undo. `Handshake.swift` draws it.
package struct Launcher {
    package let plan: Plan
    package let plugins: any PluginPhases
    package let installation: Installation

    package init(plan: Plan, plugins: any PluginPhases, installation: Installation) {
        self.plan = plan
        self.plugins = plugins
        self.installation = installation
    }

    /// Starts the container and stays until its first process has ended; in place, does not come back but to throw.
    /// - Parameter image: the open image file, lent; nil for a directory.
    package func run(image: CInt?) throws(SkiffError) -> ExitStatus {
        LaunchStep.planned.reached()
        if let image { try lock(image) }
        if plan.process == .inPlace {
            if case .held(let control)? = plan.root?.supervisor { try? setInherited(control, false) }
            try enterNamespaces()
            try makeChild(image: image, server: nil, status: nil, monitor: nil, signals: currentMask()).run()
        }
        do throws(SkiffError) {
            let status = try prepared(image: image)
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
        guard root.filesystem == "ext3" else { return }
        let isFree = try during("cannot lock \(root.path)") { () throws(Errno) in
            try tryLock(image, offset: root.offset, size: root.size, exclusive: root.writable)
        }
        if !isFree {
            throw SkiffError(
                "can't open \(root.path) for "
                    + (root.writable
                        ? "writing, currently in use by another process"
                        : "reading, currently in use for writing by another process"))
        }
    }

    /// With the image unpacked around the run, where the plan says so.
    private func prepared(image: CInt?) throws(SkiffError) -> ExitStatus {
        guard plan.image.driver == .extracted, let image else { return try monitored(image: image) }
        let extraction = try Extraction.unpack(plan.image, file: image, installation: installation)
        let status = try monitored(image: nil)
        extraction.finish()
        return status
    }

    private var namespaceFlags: Namespaces {
        plan.user == .none ? plan.namespaces : plan.namespaces.union(.user)
    }

    private func enterNamespaces() throws(SkiffError) {
        do throws(Errno) {
            try enterNew(namespaceFlags)
        } catch {
            throw namespaceFailure(error)
        }
    }

    private func namespaceFailure(_ error: Errno) -> SkiffError {
        SkiffError("cannot make the container's namespaces", errno: error, hint: NamespaceAdvice.hint(for: error))
    }

    private func currentMask() throws(SkiffError) -> SignalSet {
        try during("cannot read the signal mask") { () throws(Errno) in
            let mask = try setSignalMask(.none)
            _ = try setSignalMask(mask)
            return mask
        }
    }

    private func makeChild(
        image: CInt?, server: CInt?, supervisor: CInt? = nil, mapped: CInt? = nil, status: CInt?, monitor: pid_t?,
        signals: SignalSet
    ) -> Child {
        var supervisor = supervisor
        if case .held(let control)? = plan.root?.supervisor { supervisor = control }
        return Child(
            plan: plan, plugins: plugins, installation: installation, image: image, server: server,
            supervisor: supervisor, mapped: mapped, status: status, monitor: monitor, signals: signals)
    }

    private func monitored(image: CInt?) throws(SkiffError) -> ExitStatus {
        // Blocked before the first helper exists, so that a signal cannot leave one behind.
        let signals = try during("cannot block signals") { () throws(Errno) in try setSignalMask(.all) }
        if case .held(let control)? = plan.root?.supervisor { try? setInherited(control, false) }
        guard plan.root?.supervisor == .own else { return try served(image: image, nil, signals) }
        let supervisor = try SupervisorLink.start(installation)
        let status = try served(image: image, supervisor.control.raw, signals)
        supervisor.farewell()
        return status
    }

    /// With the image server around the run, where the plan has one.
    private func served(image: CInt?, _ supervisor: CInt?, _ signals: SignalSet) throws(SkiffError) -> ExitStatus {
        guard plan.image.driver == .server, let image else {
            return try follow(try fork(image: image, server: nil, supervisor, signals: signals))
        }
        let server = try ImageServerLink.start(installation, plan.image, file: image)
        LaunchStep.serverStarted.reached()
        let status = try follow(try fork(image: image, server: server.control.raw, supervisor, signals: signals))
        if case .exited(255) = status, let text = server.complaint() { Log.error("image server: \(text)") }
        server.farewell()
        return status
    }

    /// Waits until the program runs, tells the plugins, waits until it has ended.
    private func follow(_ child: consuming StartedChild) throws(SkiffError) -> ExitStatus {
        var byte: [UInt8] = [0]
        _ = try? byte.withUnsafeMutableBufferPointer { buffer throws(Errno) in
            try read(child.status.raw, into: UnsafeMutableRawBufferPointer(buffer))
        }
        LaunchStep.running.reached()
        if !plugins.participants.isEmpty, let pidfd = try? openPidFD(child.pid) {
            plugins.started(pid: child.pid, pidfd: pidfd.raw)
        }
        return try Monitor(child: child.pid).wait()
    }

    private func fork(image: CInt?, server: CInt?, _ supervisor: CInt?, signals: SignalSet) throws(SkiffError)
        -> StartedChild
    {
        let maps = try MapGate(plan.user)
        let monitor = processID()
        let pipe = try during("cannot make a pipe") { () throws(Errno) in try makePipe() }
        let reading = OwnedFD(adopting: pipe.first)
        let writing = OwnedFD(adopting: pipe.second)
        let pid: pid_t
        do throws(Errno) {
            pid = try cloneProcess(namespaceFlags)
        } catch {
            maps.close()
            throw namespaceFailure(error)
        }
        if pid != 0 {
            try maps.open(for: pid)
            return StartedChild(pid: pid, status: reading)
        }
        become(
            makeChild(
                image: image, server: server, supervisor: supervisor, mapped: maps.wait(), status: writing.raw,
                monitor: monitor, signals: signals))
    }

    private func become(_ child: Child) -> Never {
        do throws(SkiffError) {
            try child.run()
        } catch {
            // Not exit(3): the monitor's buffers and handlers are not ours.
            fail(error)
        }
    }

    private func fail(_ error: SkiffError) -> Never {
        report(error)
        _exit(error.code.exitStatus)
    }
}

private struct StartedChild: ~Copyable {
    let pid: pid_t
    let status: OwnedFD
}
