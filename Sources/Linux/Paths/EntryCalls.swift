package import CLinux

// Calls on a name in an open directory. None of them follows the name if it is a symbolic link.

package func open(_ name: EntryName, _ flags: OpenFlags, mode: mode_t = 0, at directory: CInt) throws(Errno) -> OwnedFD
{
    let value = flags.union(.noFollow).value
    return OwnedFD(adopting: try checked(name.bytes) { skl_openat(directory, $0, value, mode) })
}

/// fstatat(2).
package func status(_ name: EntryName, at directory: CInt) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked(name.bytes) { fstatat(directory, $0, &raw, AT_SYMLINK_NOFOLLOW) }
    return FileStatus(raw)
}

package func makeDirectory(_ name: EntryName, mode: mode_t = 0o755, at directory: CInt) throws(Errno) {
    _ = try checked(name.bytes) { mkdirat(directory, $0, mode) }
}

package func makeNode(_ name: EntryName, mode: mode_t, device: dev_t = 0, at directory: CInt) throws(Errno) {
    _ = try checked(name.bytes) { mknodat(directory, $0, mode, device) }
}

/// Creates a file, which must not exist, with these bytes.
package func makeFile(_ name: EntryName, _ bytes: [UInt8], mode: mode_t, at directory: CInt) throws(Errno) {
    let file = try open(name, [.write, .create, .exclusive], mode: mode, at: directory)
    try writeFully(file.raw, bytes)
    try file.close()
}

/// - Parameter target: the text of the link.
package func makeSymlink(_ target: [UInt8], at name: EntryName, in directory: CInt) throws(Errno) {
    let place = try Terminated(name.bytes)
    _ = try checked(target) { symlinkat($0, directory, place.text) }
}

package func makeHardLink(_ existing: EntryName, from source: CInt, at name: EntryName, in directory: CInt)
    throws(Errno)
{
    let old = try Terminated(existing.bytes)
    _ = try checked(name.bytes) { linkat(source, old.text, directory, $0, 0) }
}

/// unlinkat(2), for anything but a directory.
package func unlink(_ name: EntryName, at directory: CInt) throws(Errno) {
    _ = try checked(name.bytes) { unlinkat(directory, $0, 0) }
}

package func removeDirectory(_ name: EntryName, at directory: CInt) throws(Errno) {
    _ = try checked(name.bytes) { unlinkat(directory, $0, AT_REMOVEDIR) }
}

package func chown(_ name: EntryName, _ uid: uid_t, _ gid: gid_t, at directory: CInt) throws(Errno) {
    _ = try checked(name.bytes) { fchownat(directory, $0, uid, gid, AT_SYMLINK_NOFOLLOW) }
}

/// - Throws: `EOPNOTSUPP` for a symbolic link, which has no permissions.
package func chmod(_ name: EntryName, _ mode: mode_t, at directory: CInt) throws(Errno) {
    do throws(Errno) {
        _ = try checked(name.bytes) { skl_fchmodat2(directory, $0, mode, UInt32(AT_SYMLINK_NOFOLLOW)) }
        return
    } catch {
        guard error == .noSystemCall || error == .notPermitted else { throw error }
    }
    // Before Linux 6.6 the call has no flags. A sandbox that does not know the new one may answer EPERM.
    let file = try open(name, .pathOnly, at: directory)
    try chmod(ofOpen: file.raw, mode)
}

/// chmod(2) of the very file that a descriptor refers to, O_PATH included.
/// - Throws: `EOPNOTSUPP` for a symbolic link.
package func chmod(ofOpen file: CInt, _ mode: mode_t) throws(Errno) {
    if try status(of: file).isSymlink { throw .notSupported }
    _ = try checked { CLinux.chmod("/proc/self/fd/\(file)", mode) }
}

/// chown(2) of the very file that a descriptor refers to, O_PATH and symbolic links included.
package func chown(ofOpen file: CInt, _ uid: uid_t, _ gid: gid_t) throws(Errno) {
    _ = try checked { fchownat(file, "", uid, gid, AT_EMPTY_PATH) }
}

/// utimensat(2) of the very file that a descriptor refers to, O_PATH and symbolic links included.
package func setTimes(ofOpen file: CInt, seconds: Int64) throws(Errno) {
    let time = timespec(tv_sec: time_t(seconds), tv_nsec: 0)
    let times = [time, time]
    _ = try checked { utimensat(AT_FDCWD, "/proc/self/fd/\(file)", times, 0) }
}

/// utimensat(2): both times, in seconds since 1970.
package func setTimes(_ name: EntryName, seconds: Int64, at directory: CInt) throws(Errno) {
    let time = timespec(tv_sec: time_t(seconds), tv_nsec: 0)
    let times = [time, time]
    _ = try checked(name.bytes) { utimensat(directory, $0, times, AT_SYMLINK_NOFOLLOW) }
}

package func readLink(_ name: EntryName, at directory: CInt) throws(Errno) -> [UInt8] {
    try linkText { (buffer, size) throws(Errno) in try checked(name.bytes) { readlinkat(directory, $0, buffer, size) } }
}

/// Returns the text of a symbolic link that was opened with O_PATH | O_NOFOLLOW.
package func readLink(ofOpen link: CInt) throws(Errno) -> [UInt8] {
    try linkText { (buffer, size) throws(Errno) in try checked { readlinkat(link, "", buffer, size) } }
}

/// Returns where a descriptor leads, according to /proc.
package func readLink(ofProcess descriptor: CInt) throws(Errno) -> [UInt8] {
    try linkText { (buffer, size) throws(Errno) in try checked { readlink("/proc/self/fd/\(descriptor)", buffer, size) }
    }
}

private func linkText(_ call: (UnsafeMutablePointer<CChar>, Int) throws(Errno) -> Int) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let text = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { space, used in
        do throws(Errno) {
            guard let base = UnsafeMutableRawPointer(space.baseAddress) else { throw .noMemory }
            used = try call(base.assumingMemoryBound(to: CChar.self), space.count)
        } catch {
            failure = error
        }
    }
    if let failure { throw failure }
    return text
}
