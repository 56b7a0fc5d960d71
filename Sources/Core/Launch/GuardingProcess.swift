import Base
import CLinux
import Linux

/// The process that the user started, while another one runs plugins: it waits, passes signals on, and ends as the command
/// does. A plugin reaches neither it nor the status that it ends with.
///
/// All signals are blocked, as for the `Monitor` that it has as soon as there is a container.
struct GuardingProcess {
    /// The process that runs the plugins.
    private let pid: pid_t
    private let socket: CInt
    private let record: CallRecord
    private let plugins: [String]
    private var suspension: Suspension?
    private let standsForProgram: Bool
    /// The signal that is to end the command.
    private var wish: CInt?
    /// A call that is not waited for any longer than this process is patient.
    private var lateCall: String?
    private var isKilled = false
    /// How the host ended.
    private var ended: ExitStatus?

    init(of pid: pid_t, over socket: CInt, _ record: CallRecord, plugins: [String], standsForProgram: Bool) {
        (self.pid, self.socket, self.record) = (pid, socket, record)
        (self.plugins, self.standsForProgram) = (plugins, standsForProgram)
        suspension = standsForProgram ? Suspension(of: pid) : nil
    }

    /// For how many seconds a call may go on after a signal that ends the command, and `started` in any case.
    private static let patience: UInt32 = 1

    mutating func run() -> Never {
        do throws(SkiffError) {
            end(as: try follow())
        } catch {
            report(error)
            exit(error.code.exitStatus)
        }
    }

    private mutating func follow() throws(SkiffError) -> ExitStatus {
        try during(Self.failure) { () throws(Errno) in try signalWhenReadable(socket) }
        switch try waitForContainer() {
        case .ended(let status): return status
        case .inPlace:
            let program = StartedChild(pid: pid, running: OwnedFD(adopting: socket), reports: nil, isShim: false)
            return try judged(try Monitor(program, standsForProgram: standsForProgram).wait {})
        case .child(let child, let directory):
            return try watch(child, directory)
        }
    }

    private enum Outcome: ~Copyable {
        case ended(ExitStatus)
        case inPlace
        case child(StartedChild, directory: String?)
    }

    private static let failure = "cannot wait for the process of plugins"

    // MARK: before there is a container

    private mutating func waitForContainer() throws(SkiffError) -> Outcome {
        while true {
            // In this order, a message that came before the end is not missed.
            let ended = try hostEnd()
            switch try received() {
            case .some(.inPlace):
                if let ended { return .ended(try judged(ended)) }
                return .inPlace
            case .some(let outcome): return outcome
            case .none: break
            }
            if let ended { return .ended(try verdict(ended)) }
            try handleSignal()
        }
    }

    private func received() throws(SkiffError) -> Outcome? {
        guard var first = try? receiveMessage(over: socket), !first.bytes.isEmpty else { return nil }
        while let passing = GuardMessage.passing(first.bytes) {
            // The process of the plugins does not pass, and no number of a group is a process.
            if passing > 0 && passing != pid { _ = try? waitFor(passing) }
            guard let next = try? receiveMessage(over: socket), !next.bytes.isEmpty else { return nil }
            first = next
        }
        if first.bytes == GuardMessage.inPlace { return .inPlace }
        return try during("cannot take over the container") { () throws(Errno) in
            guard let child = GuardMessage.child(first.bytes), let running = first.descriptor.take() else {
                throw .invalidArgument
            }
            try signalWhenReadable(running.raw)
            var reports: OwnedFD?
            if child.isShim {
                _ = try waitReadable(socket, milliseconds: -1)
                var second = try receiveMessage(over: socket)
                reports = second.descriptor.take()
            }
            switch reports {
            case .some(let pipe): try signalWhenReadable(pipe.raw)
            case .none: break
            }
            return .child(
                StartedChild(pid: child.pid, running: running, reports: reports, isShim: child.isShim),
                directory: child.directory)
        }
    }

    /// Returns how the command ends whose host ended before there was a container.
    private func verdict(_ ended: ExitStatus) throws(SkiffError) -> ExitStatus {
        if let status = record.settled {
            // By the same signal as a helper, or with a status of its own.
            return ended.code == status ? ended : .exited(status)
        }
        if let wish, isKilled || ended == .signaled(wish) {
            if isKilled { Log.error(lingering) }
            return .signaled(wish)
        }
        if case .signaled = ended, record.call == nil { return ended }
        throw record.blame(ended, among: plugins)
    }

    // MARK: the container

    private mutating func watch(_ child: consuming StartedChild, _ directory: String?) throws(SkiffError) -> ExitStatus
    {
        let (socket, record, pid) = (socket, record, child.pid)
        let status = try Monitor(child, standsForProgram: standsForProgram).wait(
            whenRunning: {
                guard record.isProgramStarted else { return }
                // Opened before it is waited for, so that it means this process however short it lives.
                guard let process = try? openPidFD(pid) else { return }
                try? sendMessage(GuardMessage.runs, descriptor: process.raw, over: socket)
                alarm(Self.patience)
            },
            onAlarm: {
                if let call = record.call { Log.warning("plugin \(call): it has not come back after a second") }
            })
        let program: ExitStatus
        do throws(SkiffError) {
            program = try judged(status)
        } catch {
            report(error)
            program = .exited(error.code.exitStatus)
        }
        return try finish(program, directory)
    }

    /// Lets the host end, in which nothing can change how the program ended except to the worse.
    private mutating func finish(_ program: ExitStatus, _ directory: String?) throws(SkiffError) -> ExitStatus {
        lateCall = record.call
        if lateCall != nil { alarm(Self.patience) }
        try? sendMessage(GuardMessage.ended(program), over: socket)
        var host: ExitStatus?
        while host == nil {
            host = try hostEnd()
            if host == nil { try handleSignal() }
        }
        guard let host else { return program }
        if let status = record.settled { return status == program.code ? program : .exited(status) }
        if let directory { try? removeTree(directory) }
        report(isKilled ? SkiffError(lingering) : record.blame(host, among: plugins))
        return program == .exited(0) ? .exited(255) : program
    }

    /// Returns how the program ended.
    /// - Throws: if it never ran, because a plugin ended its process.
    private func judged(_ status: ExitStatus) throws(SkiffError) -> ExitStatus {
        if record.isChildSettled || record.settled != nil || isOwnAffair(status) { return status }
        throw record.blame(status, among: plugins)
    }

    /// Whether the container's process ended by a signal: in no call, or by one that ends a launch.
    private func isOwnAffair(_ ended: ExitStatus) -> Bool {
        guard case .signaled(let signal) = ended else { return false }
        return record.call == nil || [SIGTERM, SIGINT, SIGHUP, SIGQUIT].contains(signal)
    }

    // MARK: waiting

    private var lingering: String { "plugin \(record.call ?? plugins.joined(separator: ", ")): it does not come back" }

    /// - Returns: nil while the host lives.
    private mutating func hostEnd() throws(SkiffError) -> ExitStatus? {
        if let ended { return ended }
        do throws(Errno) {
            switch try waitFor(pid, options: WNOHANG | WUNTRACED)?.status {
            case nil: break
            case .stopped(let signal): try suspension?.begin(signal)
            case let status?: ended = status
            }
        } catch {
            throw SkiffError(Self.failure, errno: error)
        }
        return ended
    }

    private mutating func handleSignal() throws(SkiffError) {
        let received = try during(Self.failure) { () throws(Errno) in try waitForSignal(.all) }
        switch received.number {
        case SIGCONT where received.isSent: try? suspension?.end()
        case SIGALRM where !received.isSent: endLateCall()
        default:
            if endsLaunch(received.number) {
                wish = received.number
                alarm(Self.patience)
            }
            if received.isSent, !Monitor.own.contains(received.number) { try? sendSignal(received.number, to: pid) }
        }
    }

    /// Kills the host, if it is a plugin's call that does not end.
    private mutating func endLateCall() {
        guard let call = record.call, wish != nil || call == lateCall else {
            if wish != nil { alarm(Self.patience) }
            return
        }
        isKilled = true
        try? sendSignal(SIGKILL, to: pid)
    }
}
