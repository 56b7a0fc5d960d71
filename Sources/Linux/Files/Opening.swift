package import CLinux

/// open(2), always close-on-exec.
package func open(_ path: String, _ flags: OpenFlags, mode: mode_t = 0, at directory: CInt = AT_FDCWD) throws(Errno)
    -> OwnedFD
{
    try open(path, flags.rawValue, mode: mode, at: directory)
}

/// The kinds of access to a file that are asked for; access(2).
package struct FileAccess: OptionSet, Sendable {
    package let rawValue: CInt
    package init(rawValue: CInt) { self.rawValue = rawValue }
    package init(arrayLiteral flags: Self...) { self.init(rawValue: flags.reduce(0) { $0 | $1.rawValue }) }

    package static let read = FileAccess(rawValue: R_OK)
    package static let write = FileAccess(rawValue: W_OK)
    package static let execute = FileAccess(rawValue: X_OK)
}

/// access(2) with the effective ids; faccessat(2) AT_EACCESS.
package func isAccessible(_ path: String, _ access: FileAccess, at directory: CInt = AT_FDCWD) -> Bool {
    isAccessible(path, access.rawValue, at: directory)
}

/// isatty(3).
package func isTerminal(_ file: CInt) -> Bool { isatty(file) == 1 }
