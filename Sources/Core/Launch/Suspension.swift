import CLinux
import Linux

/// Job control of a process that stands for another: when the program is stopped, by Ctrl-Z, by reading from the terminal in
/// the background or by itself, so must be the process that a shell waits for, or the terminal is lost.
struct Suspension {
    private let process: pid_t
    private var terminal: TerminalOwner?

    init(of process: pid_t) { self.process = process }

    /// Notes who had the terminal. A program in a process group of its own had it alone; behind PID 1 of a container, which has no
    /// descriptor of the terminal, it is one of its children.
    mutating func note() {
        terminal =
            ([process] + children(of: process)).lazy.compactMap { try? processGroup(of: $0) }
            .compactMap { TerminalOwner(group: $0) }.first
    }

    /// Stops this process as the other was stopped; comes back when it is continued.
    mutating func begin(_ signal: CInt) throws(Errno) {
        note()
        // SIGSTOP would also stop us where nobody can continue us.
        try stopSelf(by: isJobControl(signal) ? signal : SIGTSTP)
    }

    /// We were continued: so is the other, with its process group if it leads one.
    mutating func end() throws(Errno) {
        terminal.take()?.restore()
        do throws(Errno) {
            let isLeader = (try? processGroup(of: process)) == process
            try sendSignal(SIGCONT, to: isLeader ? -process : process)
        } catch {
            if error != .noSuchProcess { throw error }
        }
    }
}

/// Signals that stop a process for the sake of a shell.
func isJobControl(_ signal: CInt) -> Bool { signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU }

/// Whether a signal ends a launch that is not yet complete: what the caller ignores does not.
func endsLaunch(_ signal: CInt) -> Bool {
    [SIGTERM, SIGINT, SIGHUP, SIGQUIT].contains(signal) && !isIgnored(signal)
}

/// Waits for a helper of the set-up, all signals being blocked. A signal that ends the launch ends the helper as well.
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
