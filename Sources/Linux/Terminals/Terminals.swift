package import CLinux

/// ttyname_r(3): the path of the terminal that a descriptor refers to; nil for anything else.
package func terminalName(_ fd: CInt) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    guard isatty(fd) == 1, ttyname_r(fd, &buffer, buffer.count - 1) == 0 else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Returns how many columns a terminal has; nil where it does not say. tty_ioctl(4), TIOCGWINSZ.
package func terminalColumns(_ fd: CInt) -> Int? {
    var size = winsize()
    guard skl_ioctl_pointer(fd, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
}

/// The process group that has the terminal of this session, taken from it for a while by a shell; tcsetpgrp(3).
package struct TerminalOwner {
    private let terminal: CInt
    private let group: pid_t

    /// - Returns: nil when `group` does not have the terminal, or is the group of this process.
    package init?(group: pid_t) {
        guard group != getpgrp(), let terminal = ([0, 1, 2] as [CInt]).first(where: { isatty($0) == 1 }),
            tcgetpgrp(terminal) == group
        else { return nil }
        (self.terminal, self.group) = (terminal, group)
    }

    /// Gives the terminal back if it is ours to give: if the shell has put this process into the foreground.
    package func restore() {
        if tcgetpgrp(terminal) == getpgrp() { tcsetpgrp(terminal, group) }
    }
}

/// The process group of a process; getpgid(2).
package func processGroup(of process: pid_t) throws(Errno) -> pid_t { try checked { getpgid(process) } }

/// Rows and columns; tty_ioctl(4).
package struct TerminalSize: Sendable, Equatable {
    package let rows: UInt16
    package let columns: UInt16

    package init(rows: UInt16, columns: UInt16) { (self.rows, self.columns) = (rows, columns) }

    /// - Returns: nil for what is no terminal.
    package init?(of terminal: CInt) {
        var size = winsize()
        guard skl_ioctl_pointer(terminal, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        self.init(rows: size.ws_row, columns: size.ws_col)
    }

    package func apply(to terminal: CInt) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = skl_ioctl_pointer(terminal, UInt(TIOCSWINSZ), &size)
    }
}

/// A terminal that hands on every byte as it is typed, until it is put back; cfmakeraw(3).
package struct RawTerminal {
    private let terminal: CInt
    private var before = termios()

    /// - Returns: nil for what is no terminal.
    package init?(_ terminal: CInt) {
        self.terminal = terminal
        guard tcgetattr(terminal, &before) == 0 else { return nil }
        var raw = before
        cfmakeraw(&raw)
        guard tcsetattr(terminal, TCSANOW, &raw) == 0 else { return nil }
    }

    package func restore() {
        var old = before
        _ = tcsetattr(terminal, TCSANOW, &old)
    }
}

/// A pseudoterminal of a devpts that somebody else may have made; pts(4).
package struct PseudoTerminal: ~Copyable {
    package let master: OwnedFD
    package let slave: OwnedFD

    /// DEVPTS_SUPER_MAGIC of linux/magic.h.
    private static let magic: UInt64 = 0x1CD1

    /// The slave is opened through the master and not by its path, where another file may lie; ioctl_tty(2), TIOCGPTPEER.
    /// - Parameter directory: that of the devpts.
    /// - Throws: `ENODEV` where it is none, or `ptmx` in it belongs to another file system.
    package init(in directory: CInt) throws(Errno) {
        let name = try EntryName("ptmx")
        let place = try open(name, [.pathOnly, .noFollow], at: directory)
        guard try filesystemType(of: place.raw) == Self.magic else { throw .noSuchDevice }
        let opened = try open(name, [.readWrite, .noFollow, .noControllingTerminal], at: directory)
        guard try filesystemType(of: opened.raw) == Self.magic else { throw .noSuchDevice }
        let fd = opened.raw
        var unlocked: CInt = 0
        _ = try checked { skl_ioctl_pointer(fd, SKL_TIOCSPTLCK, &unlocked) }
        let flags = UInt(O_RDWR | O_NOCTTY | O_CLOEXEC)
        slave = OwnedFD(adopting: try checked { skl_ioctl(fd, SKL_TIOCGPTPEER, flags) })
        master = opened
    }
}

/// Makes a terminal that of this session, whose leader this process is; ioctl_tty(2), TIOCSCTTY.
package func controlTerminal(_ terminal: CInt) throws(Errno) {
    _ = try checked { skl_ioctl(terminal, UInt(TIOCSCTTY), 0) }
}
