import CLinux

/// A terminal that does not show what is typed, until the end; termios(3).
package struct TerminalSilence {
    private let descriptor: CInt
    private var before = termios()
    /// False where there is no terminal.
    package private(set) var isQuiet = false

    package init(_ descriptor: CInt) {
        self.descriptor = descriptor
        guard isatty(descriptor) == 1, tcgetattr(descriptor, &before) == 0 else { return }
        var quiet = before
        quiet.c_lflag &= ~tcflag_t(ECHO)
        isQuiet = tcsetattr(descriptor, TCSAFLUSH, &quiet) == 0
    }

    package func end() {
        guard isQuiet else { return }
        var before = before
        tcsetattr(descriptor, TCSAFLUSH, &before)
    }
}
