import Base
import CLinux
import Linux

/// Job control of a process that stands for another: when the program is stopped, by Ctrl-Z, by reading from the
/// terminal in the background or by itself, the process that a shell waits for must stop too, or the terminal is lost.
struct Suspension {
    private let process: pid_t
    /// Whether the program is a child of that process, PID 1 of a container, which counts its stops.
    private let isBehindShim: Bool
    private var stops: CInt = 0
    private var terminal: TerminalOwner?

    init(of process: pid_t, isBehindShim: Bool = false) {
        (self.process, self.isBehindShim) = (process, isBehindShim)
    }

    /// Stops this process as the other was stopped; returns when it is continued.
    mutating func begin(_ signal: CInt) throws(Errno) {
        noteTerminal()
        // SIGSTOP would also stop us where nobody can continue us.
        try stopSelf(by: isJobControl(signal) ? signal : SIGTSTP)
    }

    /// PID 1 says that the program was stopped, for the `count`th time since the last call. That stop may be over:
    /// continuing a process group continues the program, and us before we knew. If we stopped then, nobody would
    /// continue us again.
    mutating func follow(_ signal: CInt, count: CInt) throws(Errno) {
        stops &+= count
        if children(of: process).contains(where: isStopped) { try begin(signal) }
    }

    /// Notes which process group had the terminal. A program in a process group of its own had it alone. PID 1 of a
    /// container has no descriptor of the terminal, so it cannot tell.
    private mutating func noteTerminal() {
        let programs = isBehindShim ? children(of: process) : [process]
        terminal = programs.firstAnswer { program in
            (try? processGroup(of: program)).flatMap { TerminalOwner(group: $0) }
        }
    }

    /// Called when we were continued: continues the other process.
    mutating func end() throws(Errno) {
        terminal.take()?.restore()
        do throws(Errno) {
            if isBehindShim {
                do throws(Errno) {
                    try queueSignal(Shim.continuation, value: stops, to: process)
                } catch {
                    // RLIMIT_SIGPENDING leaves no room for the number.
                    if error != .tryAgain { throw error }
                    try sendSignal(Shim.continuation, to: process)
                }
            } else {
                try resume(process)
            }
        } catch {
            if error != .noSuchProcess { throw error }
        }
    }
}

/// Continues a child that is stopped, with its process group if it leads one. A shell continues a whole group at once, and the
/// child may have stopped again by now: that stop is not undone.
func resume(_ process: pid_t) throws(Errno) {
    if isStopOver(process) { return }
    let isLeader = (try? processGroup(of: process)) == process
    try sendSignal(SIGCONT, to: isLeader ? -process : process)
}

/// Whether a signal is one of those that stop a process for the sake of a shell.
func isJobControl(_ signal: CInt) -> Bool { signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU }

/// Whether a signal ends a launch that is not yet complete: one that the caller ignores does not.
func endsLaunch(_ signal: CInt) -> Bool {
    [SIGTERM, SIGINT, SIGHUP, SIGQUIT].contains(signal) && !isIgnored(signal)
}

/// Waits for a helper of the set-up, with all signals blocked. A signal that ends the launch ends the helper as well.
func waitForHelper(_ process: pid_t) throws(Errno) -> ExitStatus {
    var suspension = Suspension(of: process)
    while true {
        switch try waitFor(process, options: WNOHANG | WUNTRACED)?.status {
        case nil: break
        case .stopped(let signal): try suspension.begin(signal)
        case let ended?: return ended
        }
        let received = try waitForSignal(.all)
        if received.number == SIGCONT { try suspension.end() }
        if endsLaunch(received.number) {
            try? sendSignal(received.number, to: process)
            try? sendSignal(SIGCONT, to: process)
        }
    }
}
