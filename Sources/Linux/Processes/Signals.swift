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

/// sigprocmask(2) SIG_SETMASK; answers the mask before.
package func setSignalMask(_ set: SignalSet) throws(Errno) -> SignalSet {
    var new = set.raw
    var old = SignalSet()
    _ = try checked { sigprocmask(SIG_SETMASK, &new, &old.raw) }
    return old
}

/// sigwaitinfo(2): the next of these blocked signals, and the process that sent it (0: the kernel).
package func waitForSignal(_ set: SignalSet) throws(Errno) -> (signal: CInt, fromUser: Bool) {
    var copy = set.raw
    var info = siginfo_t()
    let signal = try checked { sigwaitinfo(&copy, &info) }
    return (signal, info.si_code <= 0)
}

/// Default action, or none.
package func resetSignal(_ signal: CInt) { skl_signal_default(signal) }
package func ignoreSignal(_ signal: CInt) { skl_signal_ignore(signal) }

/// The highest signal number, SIGRTMAX.
package func highestSignal() -> CInt { skl_sigrtmax() }
