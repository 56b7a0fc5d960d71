import CLinux
import Linux

/// Asks a helper of this launch whether anybody still needs it. If not, it ends at once and is waited for: nothing of
/// ours is left when `skiff` returns.
///
/// A program of the same user that shares our PID namespace can stop or kill the helper. A stopped helper is continued,
/// and one that does not answer then is killed: the command ends all the same.
func endHelper(_ pid: pid_t, over control: CInt, question: UInt8, busy: UInt8) {
    do throws(Errno) {
        try? sendSignal(SIGCONT, to: pid)
        try sendMessage([question], over: control)
        guard try waitReadable(control, milliseconds: 10_000) else { throw .busy }
        let answer = try receiveMessage(over: control)
        if answer.bytes.first == busy { return }
        guard !answer.bytes.isEmpty else { throw .notConnected }
        _ = try waitFor(pid)
    } catch {
        // It was killed, or is killed now: a process that asks it gets an error instead of waiting.
        try? sendSignal(SIGKILL, to: pid)
        _ = try? waitFor(pid)
    }
}
