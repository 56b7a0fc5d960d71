package import Base
import CLinux
import Linux

/// The part of a plan that makes its container an instance.
package struct PlannedInstance: Sendable {
    package let name: String
    package let directory: InstanceDirectory
    /// `--pid-file`: absolute.
    private let pidFile: String?
    /// What the keeper has from the starter, lent until it ends; nil in a plan that is only explained.
    private(set) var links: Links?

    struct Links: Sendable {
        let starter: CInt
        /// The lock of the name.
        let lock: CInt
        let streams: ProgramStreams
        /// Where the starter sees what plugins are doing.
        let record: CallRecord
    }

    /// The record of a keeper, which stands in for a guard: the starter waits for it.
    package var record: CallRecord? { links?.record }

    package init(name: String, directory: InstanceDirectory, pidFile: String?) {
        (self.name, self.directory, self.pidFile) = (name, directory, pidFile)
    }

    /// Divides this process: the new one, the keeper, goes on with the launch; the old one, the starter, waits until the
    /// program was executed, and ends. It is done before anything of the launch, so that all helpers, also those of plugins,
    /// are the keeper's.
    /// - Returns: in the keeper.
    package func leaveToKeeper() throws(SkiffError) -> PlannedInstance {
        let record = try during("cannot share memory with the keeper") { () throws(Errno) in try CallRecord() }
        let streams = try InstanceStreams(self)
        let place = try MeetingPlace(directory.address(of: name))
        let socket: DescriptorPair
        let child: pid_t
        do throws(SkiffError) {
            // A keeper whose state somebody has removed still listens; a killed one's socket goes.
            let known = try directory.running(name)
            let keeper = try place.address.connect()
            if known != nil || keeper != nil {
                throw SkiffError("instance \(name) already exists")
            }
            socket = try during("cannot make a socket") { () throws(Errno) in try makeSocketPair() }
            child = try during("cannot start the keeper of the instance") { () throws(Errno) in try cloneProcess() }
        } catch {
            // A place that somebody keeps stays.
            if (try? place.address.connect()) == nil { place.giveUp() }
            throw error
        }
        if child == 0 {
            _ = close(socket.first)
            var planned = self
            planned.links = Links(
                starter: socket.second, lock: place.release(), streams: streams.release(), record: record)
            return planned
        }
        _ = close(socket.second)
        let answer = (try? receiveMessage(over: socket.first).bytes) ?? []
        guard answer.first == KeeperAnswer.runs, let pid = pid_t(String(bytes: answer.dropFirst())) else {
            place.giveUp()
            streams.showErrors()
            // Without a word of the keeper, who failed has said why.
            guard answer.first == KeeperAnswer.failed, answer.count == 2 else {
                let ended = (try? waitFor(child))?.status ?? .exited(255)
                if record.call != nil { throw record.blame(ended, among: []) }
                // Success would be the doing of a plugin.
                exit(ended.code == 0 ? 255 : ended.code)
            }
            throw SkiffError("while executing starter: failed to start instance: exit status \(answer[1])")
        }
        try? place.unlock()
        Self.waitForQuiet(below: pid)
        streams.showErrors()
        Log.verbose("you will find instance output here: \(directory.outputLog(name))")
        Log.verbose("you will find instance error here: \(directory.errorLog(name))")
        Log.info("instance started successfully")
        if let pidFile { writeNumber(pid, to: pidFile) }
        exit(0)
    }

    private func writeNumber(_ pid: pid_t, to path: String) {
        do throws(Errno) {
            let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            try writeFully(file.raw, "\(pid)\n")
        } catch {
            let reason = error.description
            Log.warning(
                "Failed to write pid file: could not create pid file: open \(path): "
                    + reason.prefix(1).lowercased() + reason.dropFirst())
        }
    }

    /// Waits until the container's processes have nothing to do for the moment, but at most for the time that Apptainer always
    /// waits: what a start script says in this time is shown to whom started it.
    private static func waitForQuiet(below first: pid_t) {
        let deadline = monotonicMilliseconds() + 100
        var (before, rounds) = ([pid_t: Int](), 0)
        while monotonicMilliseconds() < deadline {
            let processes = family(of: first)
            // PID 1 alone is left: the script has ended, or there is none.
            if processes.count == 1 { return }
            var now: [pid_t: Int] = [:]
            for process in processes { now[process] = switches(of: process) ?? -1 - rounds }
            rounds = now == before && !now.values.contains { $0 < 0 } ? rounds + 1 : 0
            if rounds == 2 { return }
            before = now
            pause(milliseconds: 1)
        }
    }
}

/// What a keeper says to its starter.
private enum KeeperAnswer {
    /// Followed by the number of PID 1.
    static let runs = UInt8(ascii: "R")
    /// Followed by the exit status.
    static let failed = UInt8(ascii: "F")
}

/// The keeper's part of a start.
extension Launcher {
    /// The keeper's life.
    func keep(_ planned: PlannedInstance, _ links: PlannedInstance.Links, image: CInt?) -> Never {
        let address = planned.directory.address(of: planned.name)
        do throws(SkiffError) {
            try makeAndKeep(planned, links, image, at: address)
        } catch {
            report(error)
        }
        plugins.stopped(status: 255)
        address.remove(holding: links.lock)
        _exit(255)
    }

    /// Returns when no container came of it.
    private func makeAndKeep(
        _ planned: PlannedInstance, _ links: PlannedInstance.Links, _ image: CInt?, at address: MeetingAddress
    ) throws(SkiffError) {
        let (streams, starter) = (links.streams, links.starter)
        setProcessName("skiff-keeper")
        setProcessTitle("Apptainer instance: \(planned.directory.user) [\(planned.name)]")
        // A script that starts it with `&` ignores SIGINT, by which instances are stopped.
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2] { resetSignal(signal) }
        try lockImages(image)
        let listener = try address.listen()
        try during("cannot block signals") { () throws(Errno) in _ = try setSignalMask(.all) }
        guard let container = try KeptContainer.make(self, image: image, program: streams, starter: starter)
        else { return }
        let pid = container.child.pid
        if let status = container.waitForProgram() {
            if let ended = container.end(hasInit: true), CallRecord.current?.call != nil { tellPluginEnd(ended) }
            try? sendMessage([KeeperAnswer.failed, UInt8(truncatingIfNeeded: status)], over: starter)
            return
        }
        let first: OwnedFD
        do throws(Errno) {
            first = try openPidFD(pid)
        } catch {
            container.end(hasInit: true)
            throw SkiffError("cannot watch PID 1 of the container", errno: error)
        }
        let keeper: Keeper
        do throws(SkiffError) {
            keeper = try self.keeper(of: container, planned, listener, address, until: first.raw)
        } catch {
            container.end(hasInit: true)
            throw error
        }
        // What a plugin has open is for its last phase.
        let mine = keeper.descriptors + container.descriptors + [starter, links.lock, first.raw, streams.error]
        detachFromCaller(keeping: plugins.participants.isEmpty ? mine + [image].compactMap { $0 } : nil)
        try? duplicate(streams.error, onto: 2)
        Log.allowColor(false)
        for stream in streams.descriptors { _ = CLinux.close(stream) }
        plugins.callerIsLeft()
        do throws(Errno) {
            try sendMessage([KeeperAnswer.runs] + "\(pid)".bytes, over: starter)
        } catch {
            // The starter was ended: so is what it has begun.
            container.end(hasInit: true)
            planned.directory.remove(planned.name)
            return
        }
        _ = CLinux.close(starter)
        _ = CLinux.close(links.lock)
        plugins.started(pid: pid, pidfd: first.raw)
        let isAsked = keeper.serve()
        let namespace = container.child.mountNamespace
        let ended = container.end(hasInit: true) ?? .exited(0)
        do throws(SkiffError) {
            try plugins.waitForServers { isInUse(namespace) }
        } catch {
            report(error)
        }
        plugins.stopped(status: ended.code)
        try? first.close()
        // Who was not told to end has been killed: the state stays, and the next command tells of it.
        if let place = try? MeetingPlace(address) {
            if isAsked || !ended.isKill { planned.directory.remove(planned.name) }
            place.giveUp()
        }
        _exit(0)
    }

    /// Tells the plugins that the program runs, and others where the instance is.
    private func keeper(
        of container: borrowing KeptContainer, _ planned: PlannedInstance, _ listener: consuming OwnedFD,
        _ address: MeetingAddress, until first: CInt
    ) throws(SkiffError) -> Keeper {
        try container.child.held?.programRuns(plugins)
        let keeper = try Keeper(listener, address, container.namespaces, until: .process(first))
        let addresses = container.child.held?.results.addresses ?? []
        try planned.directory.write(try instance(planned, container.child.pid, addresses))
        return keeper
    }

    private func instance(_ planned: PlannedInstance, _ pid: pid_t, _ addresses: [String]) throws(SkiffError)
        -> Instance
    {
        guard let first = Instance.Process(pid), let keeper = Instance.Process(processID()) else {
            throw SkiffError("cannot watch PID 1 of the container: /proc does not tell of it")
        }
        return Instance(
            name: planned.name, image: plan.containerPath, first: first, keeper: keeper, boot: bootName(),
            pidNamespace: Instance.currentPIDNamespace, conditions: Instance.Conditions(plan), addresses: addresses)
    }
}

extension ExitStatus {
    fileprivate var isKill: Bool { if case .signaled = self { true } else { false } }
}

extension Plan {
    /// What APPTAINER_CONTAINER says.
    var containerPath: String {
        environment.value(of: "APPTAINER_CONTAINER").map { String(bytes: $0) } ?? image.path
    }
}

/// The logs of an instance, and /dev/null, as streams of its program.
private struct InstanceStreams: ~Copyable {
    private let input: OwnedFD
    private let output: OwnedFD
    private let error: OwnedFD
    /// Where the error log ended before.
    private let start: Int64

    init(_ planned: PlannedInstance) throws(SkiffError) {
        let null = try during("cannot open /dev/null") { () throws(Errno) in try open("/dev/null", O_RDONLY) }
        let output = try planned.directory.openLog(planned.directory.outputLog(planned.name))
        let error = try planned.directory.openLog(planned.directory.errorLog(planned.name))
        start = (try? status(of: error.raw).size) ?? 0
        input = null
        self.output = output
        self.error = error
    }

    /// Gives them away.
    consuming func release() -> ProgramStreams {
        ProgramStreams(input: input.release(), output: output.release(), error: error.release())
    }

    /// Shows what was written to the error log since.
    func showErrors() {
        guard let end = try? status(of: error.raw).size, end > start,
            let text = try? readBytes(error.raw, at: start, count: Int(min(end - start, 1 << 20)))
        else { return }
        let shown = isatty(2) == 1 ? String(bytes: text).printableLines.bytes : text
        try? writeFully(2, shown + [0x0A])
    }
}
