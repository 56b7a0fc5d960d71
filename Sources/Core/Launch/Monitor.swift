import Base
import CLinux
package import Linux

/// Waits for the container's first process and passes signals on. Everything is an event of sigwaitinfo(2): all signals
/// are blocked, none has a handler, no timer runs.
struct Monitor {
    let child: pid_t

    /// Signals that describe this process, not the user's wish, and are never passed on.
    private static let own: Set<CInt> = [SIGCHLD, SIGURG, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPIPE]

    /// All signals must be blocked already.
    /// - Returns: how the child ended.
    func wait() throws(SkiffError) -> ExitStatus {
        try during("cannot wait for the container") { () throws(Errno) in
            while true {
                if let ended = try waitFor(child, options: WNOHANG) { return ended.status }
                let received = try waitForSignal(.all)
                try handle(received.signal, fromUser: received.fromUser)
            }
        }
    }

    /// A signal of the terminal (Ctrl-C) reaches the whole foreground group, so the program has it already; one that
    /// somebody sent to us is meant for the program (Docs/spec/runtime.md §6.1).
    private func handle(_ signal: CInt, fromUser: Bool) throws(Errno) {
        if Self.own.contains(signal) { return }
        if signal == SIGTSTP && !fromUser {
            try sendSignal(SIGSTOP, to: processID())
            return
        }
        guard fromUser else { return }
        do throws(Errno) {
            try sendSignal(signal, to: child)
        } catch {
            if error != .noSuchProcess { throw error }
        }
    }
}

/// Ends this process the way the program ended: with its status, or by the same signal, so that a caller that waits sees
/// "killed by n" (Docs/spec/cli.md §1.4).
package func end(as status: ExitStatus) -> Never {
    if case .signaled(let signal) = status {
        // The program has dumped its core, if any; ours would only cover it up.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        resetSignal(signal)
        _ = try? setSignalMask(.none)
        try? sendSignal(signal, to: processID())
    }
    exit(status.code)
}
