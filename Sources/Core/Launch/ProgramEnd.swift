import Base
import CLinux
package import Linux

/// Ends this process the way the program ended: with its status, or by the same signal, so that a caller that waits sees
/// "killed by n" (Docs/spec/cli.md §1.4).
package func end(as status: ExitStatus) -> Never {
    CallRecord.current?.settle(status.code)
    if case .signaled(let signal) = status {
        // The program has dumped its core, if any; ours would only cover it up.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        resetSignal(signal)
        // Unblocks no other signal: a pending one would end us first.
        try? raiseUnblocked(signal)
    }
    leave(status.code)
}
