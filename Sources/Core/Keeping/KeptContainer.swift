import Base
import CLinux
import Linux

/// A container that was set up to be kept, with its helpers, in the hands of its keeper.
struct KeptContainer: ~Copyable {
    let child: StartedChild
    let namespaces: ContainerNamespaces
    private var helpers: LaunchHelpers
    private let cgroup: MadeCgroup?

    private init(
        child: consuming StartedChild, namespaces: ContainerNamespaces, helpers: consuming LaunchHelpers,
        cgroup: MadeCgroup?
    ) {
        self.child = child
        self.namespaces = namespaces
        self.helpers = helpers
        self.cgroup = cgroup
    }

    /// Makes the container; all signals must be blocked.
    /// - Parameters:
    ///   - program: the streams of the program that starts in it; nil where none does.
    ///   - starter: the way to the process that waits for it.
    /// - Returns: nil when that failed; who failed has said why.
    static func make(_ launcher: Launcher, image: CInt?, program: ProgramStreams?, starter: CInt)
        throws(SkiffError) -> KeptContainer?
    {
        let pair = try during("cannot make a socket") { () throws(Errno) in try makeSocketPair() }
        let ours = OwnedFD(adopting: pair.first)
        var making = launcher
        making.part = .kept(keeper: pair.second, program: program)
        let cgroup = try makeCgroup(launcher.plan)
        var isKept = false
        defer { if !isKept { cgroup?.remove() } }
        var helpers = LaunchHelpers(launcher.plan)
        if try helpers.start(launcher, image: image) != nil { return nil }
        // Only now: until here the terminal's signals end the start.
        if program != nil { leaveSession() }
        var links = helpers.links
        links.cgroups = cgroup?.entrances
        let child = try StartedChild(making, image: image, links: links)
        helpers.childIsMade()
        _ = close(pair.second)
        // A call of a plugin may not come back, and who waited for it has been interrupted.
        let isAbandoned = (try? readable(among: [ours.raw, starter], milliseconds: -1)) == [starter]
        if isAbandoned { try? sendSignal(SIGKILL, to: child.pid) }
        guard !isAbandoned, var namespaces = try? ContainerNamespaces.receive(over: ours.raw) else {
            let ended = try? waitFor(child.pid)?.status
            if !isAbandoned, let ended { launcher.tellPluginEnd(ended) }
            helpers.shutDown(after: .exited(0))
            return nil
        }
        isKept = true
        // Who enters later gets them from here.
        namespaces.cgroups = cgroup?.handOver() ?? CgroupEntrances()
        return KeptContainer(child: child, namespaces: namespaces, helpers: helpers, cgroup: cgroup)
    }

    /// One that only counts may be missing.
    private static func makeCgroup(_ plan: Plan) throws(SkiffError) -> MadeCgroup? {
        guard let planned = plan.cgroup else { return nil }
        do throws(SkiffError) {
            return try MadeCgroup(planned)
        } catch {
            guard planned.limits.isEmpty else { throw error }
            Log.verbose("no statistics of the instance: \(error.message)")
            return nil
        }
    }

    /// Waits until the program that the container was made for has been executed.
    /// - Returns: the exit status with which it ended before that; nil when it runs, or there was none to run.
    func waitForProgram() -> CInt? {
        var code: UInt8 = 0
        guard (try? waitReadable(child.running.raw, milliseconds: -1)) == true else { return 255 }
        let running = child.running.raw
        let count = try? withUnsafeMutableBytes(of: &code) { bytes throws(Errno) in try read(running, into: bytes) }
        if count == 1 { return CInt(code) }
        // PID 1 may have been killed.
        guard let time = startTime(of: child.pid), isRunning(child.pid, since: time) else { return 255 }
        return nil
    }

    /// Descriptors that the keeper needs.
    var descriptors: [CInt] { helpers.descriptors + namespaces.descriptors }

    /// Ends what is left of the container, and waits for the ends of its helpers.
    /// - Returns: how PID 1 ended; nil without one.
    @discardableResult consuming func end(hasInit: Bool) -> ExitStatus? {
        namespaces.close()
        var ended: ExitStatus?
        if hasInit {
            // Has no effect on one that has ended.
            try? sendSignal(SIGKILL, to: child.pid)
            ended = (try? waitFor(child.pid))?.status
        }
        helpers.shutDown(after: .exited(0))
        cgroup?.remove()
        return ended
    }
}

extension Launcher {
    /// Says that a plugin ended the container's first process, which otherwise has said itself why it ended.
    func tellPluginEnd(_ ended: ExitStatus) {
        guard let record = CallRecord.current, !record.isChildSettled else { return }
        report(record.blame(ended, among: plugins.participants.map(\.id)))
    }
}

/// What the program of a container that is kept has as its input, output and error output: lent descriptors of the host.
struct ProgramStreams: Sendable {
    let input: CInt
    let output: CInt
    let error: CInt

    var descriptors: [CInt] { [input, output, error] }

    /// Puts them in place of what the caller has.
    func takeOver() throws(Errno) {
        for (standard, stream) in descriptors.enumerated() { try duplicate(stream, onto: CInt(standard)) }
        // What looked at the caller's terminal looks at a file now.
        Log.allowColor(false)
    }
}
