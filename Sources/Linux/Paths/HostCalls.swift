package import CLinux

// Calls on paths of the host.

/// open(2), always close-on-exec.
package func open(_ path: HostPath, _ flags: OpenFlags, mode: mode_t = 0) throws(Errno) -> OwnedFD {
    OwnedFD(adopting: try checked(path.bytes) { skl_openat(AT_FDCWD, $0, flags.value, mode) })
}

/// stat(2).
package func status(_ path: HostPath) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked(path.bytes) { fstatat(AT_FDCWD, $0, &raw, 0) }
    return FileStatus(raw)
}
