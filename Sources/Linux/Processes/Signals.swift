package import CLinux

/// A set of signals; sigsetops(3).
package struct SignalSet: @unchecked Sendable {  // sigset_t is plain bytes; the C type carries no Sendable mark
    package var raw = sigset_t()

    package static var all: SignalSet {
        var set = SignalSet()
        sigfillset(&set.raw)
        return set
    }
    package static var none: SignalSet { SignalSet() }

    package init() { sigemptyset(&raw) }
    package init(_ signals: [CInt]) {
        self.init()
        for signal in signals { sigaddset(&raw, signal) }
    }
}

/// sigprocmask(2) SIG_SETMASK; returns the previous mask.
package func setSignalMask(_ set: SignalSet) throws(Errno) -> SignalSet {
    var new = set.raw
    var old = SignalSet()
    _ = try checked { sigprocmask(SIG_SETMASK, &new, &old.raw) }
    return old
}

/// A signal that came while it was blocked.
package struct ReceivedSignal: Sendable {
    package let number: CInt
    /// Whether a process sent it, by kill(2) or a similar call; false for the kernel: a key, a timer, the end of a
    /// child.
    package let isSent: Bool
    /// The process that sent it, 0 for one outside of our PID namespace.
    package let sender: pid_t
    /// What sigqueue(3) sent with it; nil for a signal of any other kind.
    package let value: CInt?
}

/// sigwaitinfo(2): the next of these blocked signals, lowest number first.
package func waitForSignal(_ set: SignalSet) throws(Errno) -> ReceivedSignal {
    var copy = set.raw
    var info = siginfo_t()
    let signal = try checked { sigwaitinfo(&copy, &info) }
    let isSent = info.si_code <= 0
    return ReceivedSignal(
        number: signal, isSent: isSent, sender: isSent ? skl_signal_sender(&info) : 0,
        value: skl_signal_is_queued(&info) != 0 ? skl_signal_value(&info) : nil)
}

/// sigqueue(3): a signal that carries a number.
package func queueSignal(_ signal: CInt, value: CInt, to pid: pid_t) throws(Errno) {
    _ = try checked { skl_queue_signal(pid, signal, value) }
}

/// Sets the default action; `ignoreSignal` sets none.
package func resetSignal(_ signal: CInt) { skl_signal_default(signal) }
package func ignoreSignal(_ signal: CInt) { skl_signal_ignore(signal) }

/// Returns whether the action is to ignore the signal; sigaction(2). A blocked signal is queued all the same.
package func isIgnored(_ signal: CInt) -> Bool { skl_signal_is_ignored(signal) != 0 }

/// Asks for SIGIO to this process whenever a pipe has something to read, or its other end is closed; fcntl(2) O_ASYNC.
/// Reading from it then does not block.
package func signalWhenReadable(_ fd: CInt) throws(Errno) { _ = try checked { skl_signal_when_readable(fd) } }

/// Stops this process by a signal of job control, all signals being blocked; returns when it is continued. In an
/// orphaned process group, where nobody could continue it, the kernel stops nothing; setpgid(2).
package func stopSelf(by signal: CInt) throws(Errno) {
    let wasIgnored = isIgnored(signal)
    resetSignal(signal)
    defer { if wasIgnored { ignoreSignal(signal) } }
    try raiseUnblocked(signal)
    var only = SignalSet([signal])
    _ = try checked { sigprocmask(SIG_BLOCK, &only.raw, nil) }
}

/// Sends a signal to this process and lets it through; other blocked and pending signals stay so.
package func raiseUnblocked(_ signal: CInt) throws(Errno) {
    try sendSignal(signal, to: getpid())
    var only = SignalSet([signal])
    _ = try checked { sigprocmask(SIG_UNBLOCK, &only.raw, nil) }
}

/// The highest signal number, SIGRTMAX.
package func highestSignal() -> CInt { skl_sigrtmax() }

/// Returns a descriptor that is readable while TERM, INT, HUP or QUIT is blocked and waits; the signal stays where it
/// is. signalfd(2).
package func openEndSignals() throws(Errno) -> OwnedFD { OwnedFD(adopting: try checked { skl_end_signals() }) }

/// A descriptor that is readable while one of these signals, which must be blocked, waits; signalfd(2).
package func signalDescriptor(_ set: SignalSet) throws(Errno) -> OwnedFD {
    var copy = set.raw
    return OwnedFD(adopting: try checked { signalfd(-1, &copy, CInt(SFD_CLOEXEC | SFD_NONBLOCK)) })
}

/// Takes the signals that wait at such a descriptor, and returns their numbers.
package func takeSignals(_ descriptor: CInt) throws(Errno) -> [CInt] {
    let size = MemoryLayout<signalfd_siginfo>.size
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 * size, alignment: 8)
    defer { room.deallocate() }
    let count = try read(descriptor, into: room)
    return stride(from: 0, to: count - count % size, by: size).map {
        CInt(truncatingIfNeeded: room.load(fromByteOffset: $0, as: UInt32.self))
    }
}
