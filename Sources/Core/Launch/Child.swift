import Base
import CLinux
import Linux
import Shell

/// The process that becomes the container: one straight line from its birth to exec. It runs in the child of
/// `Launcher`, or in `skiff` itself when nobody needs to wait. It decides nothing; the plan did.
struct Child {
    private(set) var plan: Plan
    let plugins: any PluginPhases
    let installation: Installation
    /// The image file, lent; nil for a directory.
    let image: CInt?
    let links: ChildLinks
    let part: Launcher.Part
    let registered = RegisteredInterpreters.ofHost()
    /// The monitor's process id; nil when started in place.
    let monitor: pid_t?

    init(_ launcher: Launcher, image: CInt?, links: ChildLinks, monitor: pid_t?) {
        (plan, plugins, installation) = (launcher.plan, launcher.plugins, launcher.installation)
        (self.image, self.links, self.part, self.monitor) = (image, links, launcher.part, monitor)
    }

    /// Runs in a child, whose outer stack frames are its parent's: a failure is reported and ends the process here.
    mutating func runOrReport() -> Never {
        do throws(SkiffError) {
            try run()
        } catch {
            report(error)
            end(error.code.exitStatus)
        }
    }

    /// Ends this process before it has become the program. A keeper cannot tell from its end, which is not PID 1's: it is
    /// told.
    private func end(_ code: CInt) -> Never {
        if case .kept(_, .some) = part, code != 0, let status = links.status {
            try? writeFully(status, [UInt8(truncatingIfNeeded: code)])
        }
        CallRecord.current?.settleChild(asProgram: false)
        // Not exit(3): the monitor's buffers and handlers are not ours.
        _exit(code)
    }

    mutating func run() throws(SkiffError) -> Never {
        try bindLifeToMonitor()
        LaunchStep.cloned.reached()
        try enterCgroup { (entrances) throws(Errno) in try entrances.enter() }
        let shell = StaticShell(installation)
        switch part {
        case .whole:
            let kept = Inheritance.descriptors + [shell.descriptor].compactMap { $0 }
            try start(in: try makeContainer(keeping: kept), shell)
        case .kept(let keeper, let program): try makeContainer(for: keeper, program, shell)
        case .program(let namespaces): try start(in: try enter(namespaces, shell), shell)
        }
    }

    /// Puts the container together.
    /// - Parameter kept: descriptors that stay open.
    /// - Returns: the container's root, which this process is in then.
    private mutating func makeContainer(keeping kept: [CInt]) throws(SkiffError) -> TreeRoot {
        try joinNetwork()
        try mapUser()
        try closeMemory()
        LaunchStep.mapped.reached()
        try waitForRelease()
        if let serving = links.serving { try LayerGate.show(plan.ownNamespaces.subtracting(.mount), over: serving) }
        try plugins.entered()
        try during("cannot make the mount namespace private") { () throws(Errno) in
            try setPropagation(plan.session.receivesMounts ? .slave : .private, of: "/")
        }
        try setSysctls()
        try plan.privileges.label?.takeEffectAtExec()
        let root = try assembleRoot()
        LaunchStep.mounts.reached()
        try plugins.preExec()
        try enterCgroup { (entrances) throws(Errno) in try entrances.enterLast() }
        // The descriptors that skiff and the plugins opened lead to the host, close-on-exec or not.
        closeDescriptors(except: links.neededInside + kept)
        let container = try pivot(into: root)
        LaunchStep.pivoted.reached()
        if plan.hasOwnNetwork {
            try during("cannot start the loopback interface") { () throws(Errno) in try bringUpLoopback() }
        }
        if let hostname = plan.hostname {
            try during("cannot set host name \(hostname)") { () throws(Errno) in try setHostname(hostname) }
        }
        return container
    }

    /// Enters a container that is already set up.
    private func enter(_ namespaces: ContainerNamespaces, _ shell: StaticShell) throws(SkiffError) -> TreeRoot {
        try plan.privileges.label?.takeEffectAtExec()
        try during("cannot enter the container") { () throws(Errno) in
            // `closeMemory` explains why; here there are no maps to write.
            if plan.user != .none { try setDumpable(false) }
        }
        try enterCgroup { (entrances) throws(Errno) in try entrances.enterLast() }
        try during("cannot enter the container") { () throws(Errno) in try namespaces.enter() }
        try inviteSupervisor()
        closeDescriptors(
            except: Inheritance.descriptors + links.neededInside + [shell.descriptor].compactMap { $0 })
        return try during("cannot enter the container") { () throws(Errno) in try TreeRoot("/") }
    }

    /// Puts a container together for its keeper, and starts a program in it if it has one. Without, where it has a PID
    /// namespace of its own, this process becomes its init. Nothing in it has a descriptor of the caller's.
    private mutating func makeContainer(for keeper: CInt, _ program: ProgramStreams?, _ shell: StaticShell)
        throws(SkiffError)
        -> Never
    {
        let namespaces = try during("cannot open the container's namespaces") { () throws(Errno) in
            try ContainerNamespaces.open(plan.ownNamespaces)
        }
        let kept =
            [keeper] + namespaces.descriptors + (program?.descriptors ?? []) + [shell.descriptor].compactMap { $0 }
        let container = try makeContainer(keeping: kept)
        try during("cannot leave the container to its keeper") { () throws(Errno) in
            try namespaces.send(over: keeper)
            namespaces.close()
            _ = close(keeper)
            try program?.takeOver()
            for stream in program?.descriptors ?? [] { _ = close(stream) }
        }
        if program != nil { try start(in: container, shell) }
        if plan.namespaces.contains(.pid) {
            if plan.privileges.noNewPrivileges { try? setNoNewPrivileges() }
            try Shim.idle()
        }
        CallRecord.current?.settleChild(asProgram: false)
        _exit(0)
    }

    /// Starts the program; the current directory is the container's root.
    private func start(in container: TreeRoot, _ shell: StaticShell) throws(SkiffError) -> Never {
        if plan.process == .shim { try startShim() }
        let directory = try ContainerEntry(root: container).enter(plan.directory)
        _ = setUmask(mode_t(plan.umask))
        let files = ContainerFiles(root: container, directory: directory.bytes)
        var program = try environment(in: directory, files)
        try program.wrap(in: plan.attributes.wrapper)
        if plan.image.driver == .server { program.readAhead(files) }
        LaunchStep.environment.reached()
        try addGroups()
        try setLimits()
        // Without no_new_privs a filter needs CAP_SYS_ADMIN, which may be dropped now.
        if !filtersComeLast { try installFilters() }
        try during("cannot set the privileges of the program") { () throws(Errno) in
            try apply(plan.privileges, userID: effectiveUID())
            if monitor != nil && plan.process != .shim { try setParentDeathSignal(SIGKILL) }
        }
        // A user of the image is one more thing that emulated root can become.
        if try !emulateRoot() { try becomeUser() }
        LaunchStep.exec.reached()
        try during("cannot give back what the caller set") { () throws(Errno) in try Inheritance.giveBack() }
        if filtersComeLast { try installFilters() }
        CallRecord.current?.settleChild(asProgram: true)
        throw program.execute(staticShell: shell.descriptor, files: files, registered: registered)
    }

    /// - Returns: the directory that becomes the root, relative to the current one, which is the session.
    private func assembleRoot() throws(SkiffError) -> String {
        // One descriptor for each tree of the host, until it is attached.
        let room = plan.mounts.count + plan.served.count + Self.ownDescriptors
        try during("cannot make room for descriptors") { () throws(Errno) in
            try Inheritance.makeRoom(forDescriptors: room)
        }
        let trees = try SourceTrees(plan)
        LaunchStep.sources.reached()
        var session = try Session(plan.session)
        LaunchStep.session.reached()
        try mountImage(session, trees)
        readEarly(session)
        try BoundImageMounts(plan: plan, trees: trees, links: links).mount(session)
        LaunchStep.image.reached()
        let root: String
        do throws(SkiffError) {
            root = try RootAssembly(plan: plan, trees: trees, links: links).assemble(session)
        } catch {
            throw refusal() ?? error
        }
        LaunchStep.root.reached()
        try mountEverything(on: root, &session, trees)
        return root
    }

    /// More descriptors than a launch holds besides the trees.
    private static let ownDescriptors = 48

    /// A kill -9 of the monitor must end the container as well: prctl(2) PR_SET_PDEATHSIG. If the monitor ended before
    /// the call, we have another parent by now.
    func bindLifeToMonitor() throws(SkiffError) {
        guard let monitor else { return }
        try during("cannot follow the monitor process") { () throws(Errno) in try setParentDeathSignal(SIGKILL) }
        let parent = parentProcessID()
        // In a new PID namespace the monitor cannot be seen: its process id reads as 0.
        if parent != monitor && parent != 0 { _exit(255) }
    }

    private func enterCgroup(_ act: (CgroupEntrances) throws(Errno) -> Void) throws(SkiffError) {
        guard let entrances = links.cgroups else { return }
        do throws(Errno) {
            try act(entrances)
        } catch {
            // A cgroup that only counts is no reason to keep a program out.
            guard plan.cgroup?.limits.isEmpty == false else {
                return Log.verbose("not counted with the instance: \(error)")
            }
            throw SkiffError(
                "cannot enter the cgroup of the container", errno: error,
                hint: "Whoever enters an instance with limits must be allowed to move there: start the command in the "
                    + "session or scope in which the instance was started")
        }
    }

    /// Closes our memory to the program, which may hold CAP_SYS_PTRACE in its user namespace. That opens every process
    /// of the namespace, dumpable or not, except one that is not dumpable and whose memory belongs to an outer
    /// namespace, as ours does until exec; ptrace(2), "Ptrace access mode checking". Exec makes it dumpable again.
    /// Called only after the maps are written: those of such a process only the outer root may write.
    private func closeMemory() throws(SkiffError) {
        guard plan.user != .none, plan.privileges.capabilities != 0 || plan.process == .shim else { return }
        try during("cannot close the memory of the launch") { () throws(Errno) in try setDumpable(false) }
    }

    /// The groups and the group come first: afterwards there is no right to change them.
    private func becomeUser() throws(SkiffError) {
        guard let user = plan.privileges.user else { return }
        try during("cannot become user \(user.uid) of the image") { () throws(Errno) in
            try Linux.becomeUser(user.uid, user.gid, groups: user.groups)
            // The kernel clears it on every change of ids; prctl(2).
            if monitor != nil && plan.process != .shim { try setParentDeathSignal(SIGKILL) }
        }
    }

    /// Before the ids are mapped: joining is for root, who has no user namespace then, or `NestedClone` has done it.
    private func joinNetwork() throws(SkiffError) {
        guard let joined = plan.joinedNetwork, plan.outerUser == nil else { return }
        try during("cannot join network namespace \(joined.path ?? "of \(joined.origin)")") { () throws(Errno) in
            try joined.join()
        }
    }

    private func mapUser() throws(SkiffError) {
        switch plan.user {
        case .none: return
        case .new(let uid, let gid):
            try during("cannot map the user into the container's user namespace") { () throws(Errno) in
                try writeOwnMaps(uid: uid, gid: gid)
            }
        case .ranges: waitForMaps()
        }
        try inviteSupervisor()
    }

    /// A skiff-root of this launch must be root of the same user namespace.
    private func inviteSupervisor() throws(SkiffError) {
        guard let supervisor = links.supervisor, plan.root?.supervisor == .own else { return }
        try SupervisorLink.invite(over: supervisor)
    }

    /// Waits until the parent has written the maps. If it could not, it says why itself and closes the pipe without a
    /// word to us.
    private func waitForMaps() {
        var byte: [UInt8] = [0]
        let count = try? byte.withUnsafeMutableBufferPointer { buffer throws(Errno) in
            try read(links.mapped ?? -1, into: UnsafeMutableRawBufferPointer(buffer))
        }
        if count != 1 { _exit(255) }
    }

    /// Hands the namespaces to the parent and waits until the plugins there are done with them. If one of them fails, the
    /// parent says so.
    private mutating func waitForRelease() throws(SkiffError) {
        guard let link = links.release else { return }
        // Who holds the mount namespace keeps servers of its mounts from ending.
        let namespaces = plan.ownNamespaces.subtracting(.mount)
        let files = try during("cannot show the namespaces to plugins") { () throws(Errno) in
            let open = try ContainerNamespaces.open(namespaces)
            try open.send(over: link)
            open.close()
            var files: [NetworkFile] = []
            while true {
                let message = try receiveMessage(limit: NetworkFile.limit + 4096, over: link).bytes
                if message.isEmpty { _exit(255) }
                guard let file = NetworkFile(message) else { return files }
                files.append(file)
            }
        }
        for file in files { plan.replace(with: file) }
        plugins.messageLink = link
    }

    /// The last step: from here on system calls are answered by others.
    /// - Returns: whether the program is its user already.
    private func emulateRoot() throws(SkiffError) -> Bool {
        guard let root = plan.root else { return false }
        do throws(Errno) {
            guard let supervisor = links.supervisor else {
                try pretend(root.filter)
                return false
            }
            // With true ids the kernel makes the program its user.
            let user = root.filter.kind == .supervised ? plan.privileges.user : nil
            try supervise(root.filter, over: supervisor, keeping: root.scope, as: user)
            return user != nil
        } catch {
            // This process already has a filter with a listener: we are inside a container with emulated root.
            guard error == .busy else { throw SkiffError("cannot emulate root", errno: error) }
            Log.warning("cannot emulate root inside of an emulation: owners are forgotten")
            try during("cannot emulate root") { () throws(Errno) in try pretend(.faked()) }
            return false
        }
    }

    private func pretend(_ filter: SyscallFilter) throws(Errno) {
        if filter.kind != .faked { return }
        if try capabilities().effective & (1 << UInt64(Capability.sysAdmin)) == 0 { try setNoNewPrivileges() }
        try installFilter(filter.program)
    }

    private func mountImage(_ session: borrowing Session, _ trees: SourceTrees) throws(SkiffError) {
        let mount = ImageMount(plan: plan, session: session.directory.raw)
        switch plan.image.driver {
        case .directory, .extracted: try mount.directory(trees)
        case .loop:
            guard let image else {
                throw SkiffError("cannot mount image \(plan.image.path): it is not open")
            }
            try mount.loop(image)
        case .deviceMapper where links.device != nil:
            try mount.device(links.device ?? "")
        case .server, .deviceMapper:
            guard let server = links.server else {
                throw SkiffError("cannot mount image \(plan.image.path): no image server runs")
            }
            do throws(SkiffError) {
                try mount.server(control: server)
            } catch {
                throw refusal() ?? error
            }
        }
    }

    /// Returns the image server's complaint about the image; nil where it has none. When the server has ended, the
    /// kernel's own error says no more than that.
    private func refusal() -> SkiffError? {
        guard let server = links.server, let text = ImageServerLink.complaint(over: server) else { return nil }
        return SkiffError("cannot use image \(plan.image.path): \(text)")
    }

    private func readEarly(_ session: borrowing Session) {
        // The shim needs a clone(2), and we do not know what a plugin does.
        guard plan.image.driver == .loop, plan.process != .shim, plan.plugins.isEmpty,
            let image = try? open(EntryName("image"), [.pathOnly, .directory], at: session.directory.raw)
        else { return }
        EarlyReading(action: plan.action, arguments: plan.arguments).start(in: image)
    }

    private func mountEverything(on root: String, _ session: inout Session, _ trees: SourceTrees)
        throws(SkiffError)
    {
        var executor = try MountExecutor(plan: plan, trees: trees, root: root, session)
        try executor.run(&session)
    }

    /// Returns the container's root.
    private func pivot(into root: String) throws(SkiffError) -> TreeRoot {
        try during("cannot make the image the root directory") { () throws(Errno) in
            try changeDirectory(root)
            try pivotIntoCurrentDirectory()
            // Until this, the old root lies under the new one, with the session's own mount point.
            try unmount(".", detach: true)
            try changeDirectory("/")
            return try TreeRoot("/")
        }
    }

    private func startShim() throws(SkiffError) {
        if plan.privileges.noNewPrivileges { try? setNoNewPrivileges() }
        if case .kept = part {
            try Shim.run(reports: nil)
        } else if let reports = links.reports {
            try Shim.run(reports: reports)
        } else {
            throw SkiffError("cannot start the container's first process: nobody waits for it")
        }
        try during("cannot follow the container's first process") { () throws(Errno) in
            try setParentDeathSignal(SIGKILL)
        }
    }

    /// Runs the image's environment scripts. Ends the process here when one of them calls `exit` or there is nothing to
    /// start.
    private func environment(in directory: String, _ files: ContainerFiles) throws(SkiffError) -> ProgramStart {
        let phase = EnvironmentRun(
            plan.environment, action: plan.action, arguments: plan.arguments,
            directory: directory.bytes, files: files)
        switch try phase.run() {
        case .start(let program): return program
        case .end(let status, let output, let messages):
            for text in output { try? writeFully(text.isError ? 2 : 1, text.bytes) }
            for message in messages { Log.message(message.level, message.text) }
            end(status)
        }
    }
}
