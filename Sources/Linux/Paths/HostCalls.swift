package import CLinux

// Calls on paths of the host.

/// open(2), always close-on-exec.
package func open(_ path: HostPath, _ flags: OpenFlags, mode: mode_t = 0) throws(Errno) -> OwnedFD {
    OwnedFD(adopting: try checked(path.bytes) { skl_openat(AT_FDCWD, $0, flags.value, mode) })
}

/// Opens the very file that a descriptor refers to once more, with other flags; O_PATH is enough.
package func reopen(_ file: CInt, _ flags: OpenFlags) throws(Errno) -> OwnedFD {
    let path = Array("/proc/self/fd/\(file)".utf8)
    return OwnedFD(adopting: try checked(path) { skl_openat(AT_FDCWD, $0, flags.value, 0) })
}

/// A second descriptor for the same open file, close-on-exec; fcntl(2) F_DUPFD_CLOEXEC.
package func duplicate(_ file: CInt) throws(Errno) -> OwnedFD {
    OwnedFD(adopting: try checked { skl_fcntl(file, F_DUPFD_CLOEXEC, 3) })
}

/// Whether a descriptor was opened for writing; fcntl(2) F_GETFL.
package func isOpenForWriting(_ file: CInt) throws(Errno) -> Bool {
    try checked { skl_fcntl(file, F_GETFL, 0) } & O_ACCMODE == O_RDWR
}

/// utimensat(2) of the path itself: both times, in seconds since 1970.
package func setTimes(_ path: HostPath, seconds: Int64) throws(Errno) {
    let time = timespec(tv_sec: time_t(seconds), tv_nsec: 0)
    let times = [time, time]
    _ = try checked(path.bytes) { utimensat(AT_FDCWD, $0, times, AT_SYMLINK_NOFOLLOW) }
}

/// stat(2).
package func status(_ path: HostPath) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked(path.bytes) { fstatat(AT_FDCWD, $0, &raw, 0) }
    return FileStatus(raw)
}
