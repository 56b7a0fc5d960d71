import Base
import CLinux
import Linux
import Shell

/// The container of a bundle, and programs that enter it. `BundleLink.swift` draws the steps.
extension Child {
    /// Makes the container; it becomes the program when somebody starts it.
    func makeBundle(_ bundle: PlannedBundle, _ link: BundleLinks) throws(SkiffError) -> Never {
        try bindLifeToMonitor()
        LaunchStep.cloned.reached()
        // While this process is a child of the host like any other: its own files in /proc are its own.
        try setScore(bundle)
        try plan.privileges.label?.takeEffectAtExec()
        // Nobody is in a new user namespace; into any other one goes nobody whose memory is open, nor his descriptors.
        if !plan.namespaces.contains(.user) { try hideMemory() }
        try join(bundle)
        if plan.namespaces.contains(.user) {
            _ = link.ask(.maps)
            try becomeRoot()
        } else if bundle.joined.contains(where: { $0.kind == .user }) {
            try becomeRoot()
        }
        try hideMemory()
        LaunchStep.mapped.reached()
        try during("cannot enter the cgroup of the container") { () throws(Errno) in
            try links.cgroups?.enter()
            // The root of its namespace is the cgroup that this process is in.
            if plan.namespaces.contains(.cgroup) { try enterNew(.cgroup) }
        }
        try during("cannot make the mount namespace private") { () throws(Errno) in
            try setPropagation(plan.session.receivesMounts ? .slave : .private, of: "/")
        }
        try name(bundle)
        try setSysctls()
        var mounts = try BundleMounts(bundle)
        try mounts.run(startingIn: directoryText)
        LaunchStep.mounts.reached()
        let state = link.ask(.hooks)
        for hook in bundle.createHooks { try HookRun(hook).run(state: state) }
        try mountConsole(bundle, mounts.root)
        try mounts.protect()
        closeDescriptors(except: kept(bundle, link) + [mounts.root.descriptor])
        let container = try pivot(into: mounts.root)
        LaunchStep.pivoted.reached()
        if let propagation = bundle.propagation {
            try during("cannot set the propagation of the root file system") { () throws(Errno) in
                try setPropagation(propagation, of: "/")
            }
        }
        if plan.namespaces.contains(.network) {
            try during("cannot start the loopback interface") { () throws(Errno) in try bringUpLoopback() }
        }
        try start(bundle, in: container, link)
    }

    /// Enters a container, and becomes a program in it.
    func enterBundle(_ bundle: PlannedBundle, _ namespaces: ContainerNamespaces, _ link: BundleLinks)
        throws(SkiffError) -> Never
    {
        try bindLifeToMonitor()
        try plan.privileges.label?.takeEffectAtExec()
        try setScore(bundle)
        try during("cannot enter the container") { () throws(Errno) in
            try setDumpable(false)
            try links.cgroups?.enter()
            try namespaces.enter()
        }
        if namespaces.has(.user) { try becomeRoot() }
        closeDescriptors(except: kept(bundle, link))
        let container = try during("cannot enter the container") { () throws(Errno) in try TreeRoot("/") }
        try start(bundle, in: container, link)
    }

    private func hideMemory() throws(SkiffError) {
        try during("cannot close the memory of the launch") { () throws(Errno) in try setDumpable(false) }
    }

    private func kept(_ bundle: PlannedBundle, _ link: BundleLinks) -> [CInt] {
        link.descriptors + bundle.kept + [bundle.terminal?.console].compactMap { $0 }
    }

    private var directoryText: String {
        switch plan.directory {
        case .required(let path): path
        case .preferred(let paths): paths.first ?? "/"
        }
    }

    // MARK: - namespaces

    /// The user namespace first: it gives the right to enter the others. That of processes was entered by who made this
    /// one.
    private func join(_ bundle: PlannedBundle) throws(SkiffError) {
        for joined in bundle.joined where joined.kind != .pid && joined.kind != .user {
            try during("cannot join the namespace of linux.namespaces") { () throws(Errno) in
                try Linux.join(joined.descriptor, joined.kind)
            }
        }
    }

    /// Who has made a user namespace, or entered it, has all its capabilities, but no id that it knows.
    private func becomeRoot() throws(SkiffError) {
        try during("cannot become root of the container's user namespace", hint: "Map the id 0") {
            () throws(Errno) in
            do throws(Errno) {
                try setGroups([])
            } catch {
                if error != .notPermitted { throw error }
            }
            try setIDs(0, 0)
            if monitor != nil { try setParentDeathSignal(SIGKILL) }
        }
    }

    private func setScore(_ bundle: PlannedBundle) throws(SkiffError) {
        guard let score = bundle.outOfMemoryScore else { return }
        try during("cannot set process.oomScoreAdj to \(score)") { () throws(Errno) in
            do throws(Errno) {
                try writeControl("/proc/self/oom_score_adj", String(score))
            } catch {
                // Only who may lower it, may; one that is already there is no change.
                let now = (try? readFile("/proc/self/oom_score_adj", limit: 32)).map { String(bytes: $0) }
                guard now?.filter({ !$0.isNewline }) == String(score) else { throw error }
            }
        }
    }

    private func name(_ bundle: PlannedBundle) throws(SkiffError) {
        if let hostname = plan.hostname {
            try during("cannot set host name \(hostname)") { () throws(Errno) in try setHostname(hostname) }
        }
        if let name = bundle.domainName {
            try during("cannot set domain name \(name)") { () throws(Errno) in try setDomainName(name) }
        }
    }

    private func pivot(into root: TreeRoot) throws(SkiffError) -> TreeRoot {
        try during("cannot make \(plan.image.path) the root directory") { () throws(Errno) in
            try changeDirectory(root.descriptor)
            try pivotIntoCurrentDirectory()
            try unmount(".", detach: true)
            try changeDirectory("/")
            return try TreeRoot("/")
        }
    }

    // MARK: - the terminal

    /// Puts a file at /dev/console for the terminal that is made later: then the root may be read-only.
    private func mountConsole(_ bundle: PlannedBundle, _ root: TreeRoot) throws(SkiffError) {
        guard bundle.terminal != nil else { return }
        try during("cannot make /dev/console") { () throws(Errno) in
            if (try? root.status("/dev/console", links: .refused)) != nil { return }
            let place = try root.place("/dev/console", links: .refused)
            try makeFile(place.name, [], mode: 0o600, at: place.directory.raw)
        }
    }

    /// - Parameter coversConsole: whether /dev/console becomes this terminal.
    private func takeTerminal(_ bundle: PlannedBundle, _ container: TreeRoot, coversConsole: Bool) throws(SkiffError) {
        guard let planned = bundle.terminal else { return }
        try during("cannot make the terminal of process.terminal", hint: "A devpts belongs on /dev/pts") {
            () throws(Errno) in
            let directory = try container.open("/dev/pts", [.pathOnly, .directory], links: .refused)
            let terminal = try PseudoTerminal(in: directory.raw)
            planned.size?.apply(to: terminal.slave.raw)
            try? Linux.fchown(terminal.slave.raw, bundle.user.uid, .max)
            if coversConsole {
                let console = try container.open("/dev/console", .pathOnly, links: .refused)
                try attach(try cloneTree("", at: terminal.slave.raw, recursive: false), onto: console.raw)
            }
            try sendMessage(Array("/dev/ptmx".utf8), descriptor: terminal.master.raw, over: planned.console)
            _ = CLinux.close(planned.console)
            for standard: CInt in 0...2 { try duplicate(terminal.slave.raw, onto: standard) }
            try controlTerminal(0)
        }
    }

    /// The program may open its output anew by /dev/stdout, as its own user.
    private func giveStreams(_ bundle: PlannedBundle) {
        for standard: CInt in 0...2 {
            guard let found = try? status(of: standard), found.uid != bundle.user.uid,
                !(found.isCharacterDevice && found.rawDevice == deviceNumber(major: 1, minor: 3))
            else { continue }
            try? Linux.fchown(standard, bundle.user.uid, .max)
        }
    }

    // MARK: - the program

    private func start(_ bundle: PlannedBundle, in container: TreeRoot, _ link: BundleLinks) throws(SkiffError)
        -> Never
    {
        leaveSession()
        if !bundle.keepsKeyring {
            try during("cannot leave the caller's session keyring", hint: "Use --no-new-keyring") { () throws(Errno) in
                do throws(Errno) {
                    try leaveSessionKeyring()
                } catch {
                    if error != .noSystemCall { throw error }
                }
            }
        }
        try takeTerminal(bundle, container, coversConsole: link.gate != nil)
        giveStreams(bundle)
        let directory = try ContainerEntry(root: container).enter(plan.directory)
        _ = setUmask(mode_t(plan.umask))
        let files = ContainerFiles(root: container, directory: directory.bytes)
        let program = try program(bundle, in: directory, files)
        try setLimits()
        let filtersWait = bundle.noNewPrivileges || bundle.capabilities.allowsFilters
        if !filtersWait { try installFilters() }
        try during("cannot set the privileges of the program") { () throws(Errno) in
            try become(bundle)
            // The kernel clears it on every change of ids; prctl(2).
            try setParentDeathSignal(SIGKILL)
            // A change of ids may have opened it again.
            try setDumpable(false)
        }
        let state = link.ask(.ready)
        if !bundle.endsWithCommand { try? setParentDeathSignal(0) }
        link.tell(.held)
        _ = CLinux.close(link.command)
        do throws(SkiffError) {
            if let gate = link.gate {
                gate.wait()
                for hook in bundle.startHooks { try HookRun(hook).run(state: state) }
            }
            LaunchStep.exec.reached()
            try during("cannot give back what the caller set") { () throws(Errno) in
                try Inheritance.giveBack()
                // Engines ignore SIGPIPE, and a container begins with nothing of theirs.
                for signal in 1...highestSignal() { resetSignal(signal) }
                _ = try setSignalMask(.none)
            }
            if filtersWait { try installFilters() }
            throw program.execute(staticShell: nil, files: files, registered: registered)
        } catch {
            guard let gate = link.gate else { throw error }
            try? writeFully(gate.answer, error.description)
            _exit(255)
        }
    }

    private func program(_ bundle: PlannedBundle, in directory: String, _ files: ContainerFiles) throws(SkiffError)
        -> ProgramStart
    {
        var environment = plan.environment
        if environment.value(of: "HOME") == nil {
            environment.set("HOME", Self.home(of: bundle.user.uid, files), origin: "core")
        }
        let phase = EnvironmentRun(
            environment, action: .exec, arguments: plan.arguments, directory: directory.bytes, files: files)
        guard case .start(var program) = try phase.run() else { throw SkiffError("cannot start an empty program") }
        // As process.args has it, whatever the path.
        program.attempt.arguments = plan.arguments
        return program
    }

    /// The home of a user in the container's own /etc/passwd; `/` where it has none.
    private static func home(of uid: UInt32, _ files: ContainerFiles) -> [UInt8] {
        let text = (try? files.read(Array("/etc/passwd".utf8), limit: 4 << 20)) ?? []
        for line in text.split(separator: ASCII.newline) {
            let fields = line.split(separator: ASCII.colon, omittingEmptySubsequences: false)
            guard fields.count > 5, UInt32(String(bytes: fields[2])) == uid, !fields[5].isEmpty else { continue }
            return Array(fields[5])
        }
        return [ASCII.slash]
    }
}
