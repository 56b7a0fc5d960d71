import CLinux

/// A kernel error number with its name and text, thrown by every call of this module; errno(3).
///
/// Four bytes and trivial: throwing one does not allocate, so it is safe between clone and exec.
package struct Errno: Error, Equatable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: CInt

    package init(_ rawValue: CInt) { self.rawValue = rawValue }

    /// The value of `errno` at this moment. Call it in the same expression as the call that failed.
    package static var current: Errno { Errno(skl_errno()) }

    /// `No such file or directory`.
    package var description: String {
        guard let text = skl_strerror(rawValue) else { return "unknown error \(rawValue)" }
        return String(cString: text)
    }

    /// `ENOENT`.
    package var name: String {
        guard let text = skl_errno_name(rawValue) else { return "E\(rawValue)" }
        return String(cString: text)
    }

    package static let notPermitted = Errno(EPERM)
    package static let noSuchFile = Errno(ENOENT)
    package static let interrupted = Errno(EINTR)
    package static let tryAgain = Errno(EAGAIN)
    package static let accessDenied = Errno(EACCES)
    package static let busy = Errno(EBUSY)
    package static let exists = Errno(EEXIST)
    package static let crossDevice = Errno(EXDEV)
    package static let noDeviceOrAddress = Errno(ENXIO)
    package static let noSuchDevice = Errno(ENODEV)
    package static let notDirectory = Errno(ENOTDIR)
    package static let isDirectory = Errno(EISDIR)
    package static let invalidArgument = Errno(EINVAL)
    package static let noMemory = Errno(ENOMEM)
    package static let noSpace = Errno(ENOSPC)
    package static let quotaExceeded = Errno(EDQUOT)
    package static let readOnlyFilesystem = Errno(EROFS)
    package static let brokenPipe = Errno(EPIPE)
    package static let nameTooLong = Errno(ENAMETOOLONG)
    package static let tooManySymlinks = Errno(ELOOP)
    package static let notSupported = Errno(EOPNOTSUPP)
    package static let noSystemCall = Errno(ENOSYS)
    package static let noData = Errno(ENODATA)
    package static let noExecFormat = Errno(ENOEXEC)
    package static let noSuchProcess = Errno(ESRCH)
    package static let noChild = Errno(ECHILD)
    package static let range = Errno(ERANGE)
    package static let notEmpty = Errno(ENOTEMPTY)
    package static let tooManyFiles = Errno(EMFILE)
    package static let notTerminal = Errno(ENOTTY)
    package static let ioError = Errno(EIO)
    package static let overflow = Errno(EOVERFLOW)
    package static let noLocks = Errno(ENOLCK)
    package static let notConnected = Errno(ENOTCONN)
    package static let connectionRefused = Errno(ECONNREFUSED)
}

/// Runs a call that answers -1 on failure, and repeats it while a signal interrupts it.
@inline(__always)
func checked<Result: FixedWidthInteger & SignedInteger>(_ body: () -> Result) throws(Errno) -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        let error = Errno.current
        if error != .interrupted { throw error }
    }
}
