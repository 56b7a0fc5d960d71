import Base
import CLinux
import Linux

/// Waits for the container's first process and passes signals on. Everything is an event of sigwaitinfo(2): all signals
/// are blocked, none has a handler, no timer runs; the child's pipes send SIGIO.
struct Monitor: ~Copyable {
    private let child: StartedChild
    private var isRunning = false
    /// Nil where nobody needs to know that the program stops.
    private var suspension: Suspension?

    /// Signals that describe this process, not the user's wish, and are never passed on.
    static let own: Set<CInt> = [SIGCHLD, SIGURG, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPIPE]

    /// All signals must have been blocked before the child was made.
    /// - Parameter standsForProgram: whether this process stops and goes on as the program does, for the shell that waits for it.
    init(_ child: consuming StartedChild, standsForProgram: Bool) {
        suspension = standsForProgram ? Suspension(of: child.pid, isBehindShim: child.isShim) : nil
        self.child = child
    }

    /// - Parameters:
    ///   - whenRunning: called once, when the program runs or can no longer start.
    ///   - onAlarm: called when an alarm(2) of this process goes off.
    /// - Returns: how the child ended.
    consuming func wait(whenRunning: () -> Void, onAlarm: () -> Void = {}) throws(SkiffError) -> ExitStatus {
        do throws(Errno) {
            while true {
                // Before the first signal, too: the child may have been made by another process.
                try note(whenRunning)
                try readReports()
                switch try waitFor(child.pid, options: WNOHANG | WUNTRACED)?.status {
                case nil: break
                case .stopped(let signal): try suspension?.begin(signal)
                case let ended?: return ended
                }
                let received = try waitForSignal(.all)
                try note(whenRunning)
                if !isRunning, endsLaunch(received.number) {
                    try sendSignal(SIGKILL, to: child.pid)
                    _ = try waitFor(child.pid)
                    return .signaled(received.number)
                }
                if received.number == SIGALRM && !received.isSent { onAlarm() }
                try pass(on: received)
            }
        } catch {
            throw SkiffError("cannot wait for the container", errno: error)
        }
    }

    private mutating func note(_ whenRunning: () -> Void) throws(Errno) {
        if isRunning { return }
        isRunning = try waitReadable(child.running.raw, milliseconds: 0)
        if isRunning { whenRunning() }
    }

    /// A signal of the terminal (Ctrl-C) reaches the whole foreground group, so the program has it already; one that
    /// somebody sent to us is meant for the program (Docs/spec/runtime.md §6.1).
    private mutating func pass(on received: ReceivedSignal) throws(Errno) {
        guard received.isSent, !Self.own.contains(received.number) else { return }
        if received.number == SIGCONT {
            try suspension?.end()
            return
        }
        // kill(0, SIGTSTP), by which editors stop their whole process group: the program has it already.
        if isJobControl(received.number) && (suspension == nil || isOfContainer(received.sender)) { return }
        do throws(Errno) {
            try sendSignal(received.number, to: child.pid)
        } catch {
            if error != .noSuchProcess { throw error }
        }
    }

    /// Whether a process is the program or descends from it. For a sender in a PID namespace below ours, the kernel
    /// gives its number there.
    private func isOfContainer(_ sender: pid_t) -> Bool {
        family(of: child.pid).contains { child.isShim ? innermostNumber(of: $0) == sender : $0 == sender }
    }

    private mutating func readReports() throws(Errno) {
        let reports: CInt
        switch child.reports {
        case nil: return
        case .some(let pipe): reports = pipe.raw
        }
        var (stop, count) = (UInt8(0), CInt(0))
        while (try? withUnsafeMutableBytes(of: &stop) { bytes throws(Errno) in try read(reports, into: bytes) }) == 1 {
            count &+= 1
        }
        if count > 0 { try suspension?.follow(CInt(stop), count: count) }
    }
}
