package import CLinux

/// Flags of openat2(2) `resolve`.
package struct Resolve: OptionSet, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(arrayLiteral flags: Self...) { self.init(rawValue: flags.reduce(0) { $0 | $1.rawValue }) }
    /// Absolute paths and symlinks stay below the directory: the way into every foreign tree.
    package static let inRoot = Resolve(rawValue: 0x10)
    package static let noSymlinks = Resolve(rawValue: 0x04)
    package static let noMagicLinks = Resolve(rawValue: 0x02)
    package static let beneath = Resolve(rawValue: 0x08)
    package static let noCrossMounts = Resolve(rawValue: 0x01)
}

/// flock(2) LOCK_EX: waits until no other open file holds the lock.
package func lock(_ fd: CInt) throws(Errno) { _ = try checked { flock(fd, LOCK_EX) } }

/// flock(2) LOCK_EX without waiting: false when another open file holds the lock.
package func tryLock(_ fd: CInt) throws(Errno) -> Bool {
    do throws(Errno) {
        _ = try checked { flock(fd, LOCK_EX | LOCK_NB) }
        return true
    } catch {
        if error == .tryAgain { return false }
        throw error
    }
}

/// fcntl(2) F_OFD_SETLK on `size` bytes at `offset`, without waiting: shared, or exclusive for a file open for writing.
/// The lock belongs to the open file, and lasts as long as anything has it open, a loop device included.
/// - Returns: false when another open file holds a lock that forbids it.
package func tryLock(_ fd: CInt, offset: Int64, size: Int64, exclusive: Bool) throws(Errno) -> Bool {
    var range = flock()
    range.l_type = Int16(exclusive ? F_WRLCK : F_RDLCK)
    range.l_whence = Int16(SEEK_SET)
    range.l_start = off_t(offset)
    range.l_len = off_t(size)
    do throws(Errno) {
        _ = try checked { skl_fcntl_lock(fd, F_OFD_SETLK, &range) }
        return true
    } catch {
        if error == .tryAgain || error == .accessDenied { return false }
        throw error
    }
}

/// readahead(2) from the start of a file: starts reading into the page cache and does not wait. The kernel limits each
/// call to the read-ahead window of the device, usually 128 KiB. It is only advice, so errors are ignored.
package func readAhead(_ fd: CInt, count: Int) {
    let window = 128 << 10
    for offset in stride(from: 0, to: count, by: window) { _ = readahead(fd, off_t(offset), window) }
}

/// The current directory, as the `at` of an *at call.
package let atCurrentDirectory = AT_FDCWD

/// open(2)/openat(2), always close-on-exec.
package func open(_ path: String, _ flags: CInt, mode: mode_t = 0, at directory: CInt = AT_FDCWD) throws(Errno)
    -> OwnedFD
{
    OwnedFD(adopting: try checked(path) { skl_openat(directory, $0, flags | O_CLOEXEC, mode) })
}

/// openat2(2), always close-on-exec. With `.inRoot` a hostile tree cannot lead outside of `directory`.
package func open(_ path: String, _ flags: CInt, mode: mode_t = 0, in directory: CInt, resolve: Resolve) throws(Errno)
    -> OwnedFD
{
    // EAGAIN: a rename ran during the walk and the kernel cannot tell whether `..` escaped; openat2(2).
    while true {
        do throws(Errno) {
            return OwnedFD(
                adopting: try checked(path) {
                    skl_openat2(directory, $0, UInt64(flags | O_CLOEXEC), UInt64(mode), resolve.rawValue)
                })
        } catch {
            if error != .tryAgain { throw error }
        }
    }
}

/// read(2): at most `buffer.count` bytes; 0 at the end.
package func read(_ fd: CInt, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try checked { CLinux.read(fd, buffer.baseAddress, buffer.count) }
}

/// pread(2), until `buffer` is full or the file ends; returns the number of bytes read.
package func readFully(_ fd: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(Errno) -> Int {
    var done = 0
    while done < buffer.count {
        let count = try checked {
            pread(fd, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset) + off_t(done))
        }
        if count == 0 { break }
        done += count
    }
    return done
}

/// Returns `count` bytes at `offset`, fewer at the end of the file.
package func readBytes(_ fd: CInt, at offset: Int64, count: Int) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
        do throws(Errno) {
            used = try readFully(fd, into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        } catch {
            failure = error
        }
    }
    if let failure { throw failure }
    return bytes
}

/// Returns the rest of a file, pipe or /proc entry; `EOVERFLOW` beyond `limit` bytes.
package func readToEnd(_ fd: CInt, limit: Int = 64 << 20) throws(Errno) -> [UInt8] {
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
        let count = try chunk.withUnsafeMutableBufferPointer { buffer throws(Errno) in
            try read(fd, into: UnsafeMutableRawBufferPointer(buffer))
        }
        if count == 0 { return result }
        if result.count + count > limit { throw .overflow }
        result.append(contentsOf: chunk[..<count])
    }
}

/// Reads a whole small file by path.
package func readFile(_ path: String, at directory: CInt = AT_FDCWD, limit: Int = 64 << 20) throws(Errno) -> [UInt8] {
    let file = try open(path, O_RDONLY, at: directory)
    return try readToEnd(file.raw, limit: limit)
}

/// write(2), all of it.
package func writeFully(_ fd: CInt, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var done = 0
    while done < bytes.count {
        done += try checked { CLinux.write(fd, bytes.baseAddress?.advanced(by: done), bytes.count - done) }
    }
}

package func writeFully(_ fd: CInt, _ bytes: [UInt8]) throws(Errno) {
    try bytes.withUnsafeBufferPointer { buffer throws(Errno) in try writeFully(fd, UnsafeRawBufferPointer(buffer)) }
}

package func writeFully(_ fd: CInt, _ text: String) throws(Errno) {
    try writeFully(fd, text.bytes)
}

/// pwrite(2), all of it.
package func writeFully(_ fd: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(Errno) {
    var done = 0
    while done < bytes.count {
        done += try checked {
            pwrite(fd, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + off_t(done))
        }
    }
}

package func writeFully(_ fd: CInt, _ bytes: [UInt8], at offset: Int64) throws(Errno) {
    try bytes.withUnsafeBufferPointer { buffer throws(Errno) in
        try writeFully(fd, UnsafeRawBufferPointer(buffer), at: offset)
    }
}

/// Writes a /proc or /sys control file in one write(2): the kernel takes such a value whole or not at all.
package func writeControl(_ path: String, _ text: String, at directory: CInt = AT_FDCWD) throws(Errno) {
    let file = try open(path, O_WRONLY, at: directory)
    let bytes = text.bytes
    _ = try checked { CLinux.write(file.raw, bytes, bytes.count) }
}

/// Creates or replaces a file by path. Not atomic.
package func writeFile(
    _ path: String, _ bytes: [UInt8], mode: mode_t, at directory: CInt = AT_FDCWD, exclusive: Bool = false
)
    throws(Errno)
{
    let file = try open(path, O_WRONLY | O_CREAT | (exclusive ? O_EXCL : O_TRUNC), mode: mode, at: directory)
    try writeFully(file.raw, bytes)
    try file.close()
}

/// syncfs(2): everything that was written to the file system of a descriptor.
package func synchronizeFilesystem(_ fd: CInt) throws(Errno) { _ = try checked { syncfs(fd) } }
package func fsync(_ fd: CInt) throws(Errno) { _ = try checked { CLinux.fsync(fd) } }
/// Returns where the next read or write of an open file begins; lseek(2).
package func position(of fd: CInt) throws(Errno) -> UInt64 {
    UInt64(try checked { lseek(fd, 0, SEEK_CUR) })
}

/// lseek(2) SEEK_SET: the next read or write begins at the start of the file.
package func rewind(_ fd: CInt) throws(Errno) { _ = try checked { lseek(fd, 0, SEEK_SET) } }

/// lseek(2) SEEK_END: the length of a file or block device. Moves the offset, which nothing here uses.
package func endOffset(of fd: CInt) throws(Errno) -> UInt64 {
    UInt64(try checked { lseek(fd, 0, SEEK_END) })
}

/// Returns where the next data begins, from `offset` on; nil when only a hole is left; lseek(2) SEEK_DATA.
package func nextData(_ fd: CInt, from offset: Int64) throws(Errno) -> Int64? {
    do throws(Errno) {
        return Int64(try checked { lseek(fd, off_t(offset), SEEK_DATA) })
    } catch {
        if error == Errno(ENXIO) { return nil }
        throw error
    }
}

/// Returns where the next hole begins; the end of the file counts as one; lseek(2) SEEK_HOLE.
package func nextHole(_ fd: CInt, from offset: Int64) throws(Errno) -> Int64 {
    Int64(try checked { lseek(fd, off_t(offset), SEEK_HOLE) })
}

package func ftruncate(_ fd: CInt, _ size: Int64) throws(Errno) {
    _ = try checked { CLinux.ftruncate(fd, off_t(size)) }
}

/// Gives the blocks of a range back to the file system; the file is as long as before, with zeros there; fallocate(2).
package func punchHole(_ fd: CInt, offset: Int64, size: Int64) throws(Errno) {
    _ = try checked { fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off_t(offset), off_t(size)) }
}

package func fchmod(_ fd: CInt, _ mode: mode_t) throws(Errno) { _ = try checked { CLinux.fchmod(fd, mode) } }
package func fchown(_ fd: CInt, _ uid: uid_t, _ gid: gid_t) throws(Errno) {
    _ = try checked { CLinux.fchown(fd, uid, gid) }
}

package func chmod(_ path: String, _ mode: mode_t, at directory: CInt = AT_FDCWD) throws(Errno) {
    _ = try checked(path) { fchmodat(directory, $0, mode, 0) }
}

package func chown(_ path: String, _ uid: uid_t, _ gid: gid_t, at directory: CInt = AT_FDCWD, follow: Bool = false)
    throws(Errno)
{
    _ = try checked(path) { fchownat(directory, $0, uid, gid, follow ? 0 : AT_SYMLINK_NOFOLLOW) }
}

package func makeDirectory(_ path: String, mode: mode_t = 0o755, at directory: CInt = AT_FDCWD) throws(Errno) {
    _ = try checked(path) { mkdirat(directory, $0, mode) }
}

/// mkdir -p: parents with the same mode; no error when it exists as a directory.
package func makeDirectories(_ path: String, mode: mode_t = 0o755, at directory: CInt = AT_FDCWD) throws(Errno) {
    do throws(Errno) {
        try makeDirectory(path, mode: mode, at: directory)
    } catch {
        switch error {
        case .exists:
            guard try status(path, at: directory).isDirectory else { throw .notDirectory }
        case .noSuchFile:
            guard let parent = parentPath(path), parent != path else { throw error }
            try makeDirectories(parent, mode: mode, at: directory)
            try makeDirectories(path, mode: mode, at: directory)
        default: throw error
        }
    }
}

package func makeNode(_ path: String, mode: mode_t, device: dev_t = 0, at directory: CInt = AT_FDCWD) throws(Errno) {
    _ = try checked(path) { mknodat(directory, $0, mode, device) }
}

package func makeSymlink(_ target: String, at path: String, in directory: CInt = AT_FDCWD) throws(Errno) {
    let target = try Terminated(target.bytes)
    _ = try checked(path) { symlinkat(target.text, directory, $0) }
}

package func makeHardLink(
    _ existing: String, at path: String, from source: CInt = AT_FDCWD, in directory: CInt = AT_FDCWD
)
    throws(Errno)
{
    let existing = try Terminated(existing.bytes)
    _ = try checked(path) { linkat(source, existing.text, directory, $0, 0) }
}

/// linkat(2): gives a name to a file that was opened with O_TMPFILE.
package func nameFile(_ fd: CInt, _ path: String) throws(Errno) {
    _ = try checked(path) { linkat(AT_FDCWD, "/proc/self/fd/\(fd)", AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
}

package func readLink(_ path: String, at directory: CInt = AT_FDCWD) throws(Errno) -> String {
    var buffer = [UInt8](repeating: 0, count: 4097)
    let count = try checked(path) { path in
        buffer.withUnsafeMutableBytes { space in
            guard let base = space.baseAddress else { return -1 }
            return readlinkat(directory, path, base.assumingMemoryBound(to: CChar.self), space.count)
        }
    }
    return String(bytes: buffer[..<count])
}

package func unlink(_ path: String, at directory: CInt = AT_FDCWD) throws(Errno) {
    _ = try checked(path) { unlinkat(directory, $0, 0) }
}

package func removeDirectory(_ path: String, at directory: CInt = AT_FDCWD) throws(Errno) {
    _ = try checked(path) { unlinkat(directory, $0, AT_REMOVEDIR) }
}

package func rename(_ from: String, to: String, from source: CInt = AT_FDCWD, in directory: CInt = AT_FDCWD)
    throws(Errno)
{
    let from = try Terminated(from.bytes)
    _ = try checked(to) { renameat(source, from.text, directory, $0) }
}

/// access(2) with the effective ids on the very file that a descriptor refers to, O_PATH included; faccessat2(2).
package func isAccessible(ofOpen file: CInt, _ mode: CInt) -> Bool {
    if mode == F_OK { return true }
    if faccessat(file, "", mode, AT_EACCESS | AT_EMPTY_PATH) == 0 { return true }
    // Linux before 5.8 has no flags there, and libc says so with EINVAL.
    guard Errno.current == .invalidArgument, let found = try? status(of: file) else { return false }
    return found.permits(mode, uid: geteuid(), groups: [getegid()] + supplementaryGroups())
}

/// access(2) with the effective ids; faccessat(2) AT_EACCESS.
package func isAccessible(_ path: String, _ mode: CInt, at directory: CInt = AT_FDCWD) -> Bool {
    (try? checked(path) { faccessat(directory, $0, mode, AT_EACCESS) }) != nil
}

/// getcwd(3).
package func currentDirectory() throws(Errno) -> String {
    guard let text = getcwd(nil, 0) else { throw Errno.current }
    defer { free(text) }
    return String(bytes: text)
}

/// getcwd(3), as raw bytes.
/// - Throws: `ENOENT` where the directory was removed, or is not below the root.
package func currentDirectoryBytes() throws(Errno) -> [UInt8] {
    guard let text = getcwd(nil, 0) else { throw Errno.current }
    defer { free(text) }
    let bytes = UnsafeRawBufferPointer(start: text, count: strlen(text))
    guard bytes.first == ASCII.slash else { throw .noSuchFile }
    return Array(bytes)
}

package func changeDirectory(_ path: String) throws(Errno) { _ = try checked(path) { chdir($0) } }
package func changeDirectory(_ fd: CInt) throws(Errno) { _ = try checked { fchdir(fd) } }

/// realpath(3): absolute, without symlinks, `.` or `..`.
package func realPath(_ path: String) throws(Errno) -> String {
    guard let text = try realpath(Terminated(path.bytes).text, nil) else { throw Errno.current }
    defer { free(text) }
    return String(bytes: text)
}

/// Returns the names in a directory, sorted by bytes, without `.` and `..`; takes a descriptor opened for reading.
package func entries(of fd: CInt) throws(Errno) -> [DirectoryEntry] {
    let copy = try checked { skl_openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
    guard let stream = fdopendir(copy) else {
        let error = Errno.current
        _ = CLinux.close(copy)
        throw error
    }
    defer { closedir(stream) }
    var result: [DirectoryEntry] = []
    while true {
        skl_clear_errno()
        guard let entry = readdir(stream) else {
            let error = Errno.current
            if error.rawValue != 0 { throw error }
            break
        }
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in Array(raw.prefix { $0 != 0 }) }
        if name == [0x2E] || name == [0x2E, 0x2E] { continue }
        result.append(DirectoryEntry(name: name, type: entry.pointee.d_type))
    }
    return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
}

/// A name in a directory: bytes, because Linux promises no encoding.
package struct DirectoryEntry: Sendable, Equatable {
    package let name: [UInt8]
    /// DT_* of readdir(3); DT_UNKNOWN (0) where the file system does not tell.
    package let type: UInt8
    package var text: String { String(bytes: name) }
    package init(name: [UInt8], type: UInt8) {
        self.name = name
        self.type = type
    }
}

/// glob(3): the paths that a shell pattern matches, sorted; the pattern itself when there are none.
package func globPaths(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard let text = try? Terminated(pattern.bytes), glob(text.text, GLOB_NOCHECK, nil, &found) == 0,
        let paths = found.gl_pathv
    else { return [pattern] }
    return (0..<Int(found.gl_pathc)).compactMap { index in paths[index].map { String(bytes: $0) } }
}

/// memfd_create(2): a file without a name, holding these bytes, positioned at its start.
package func makeMemoryFile(_ name: String, _ bytes: [UInt8]) throws(Errno) -> OwnedFD {
    let file = OwnedFD(adopting: try checked { skl_memfd_create(name, UInt32(MFD_CLOEXEC)) })
    try writeFully(file.raw, bytes, at: 0)
    return file
}

/// Returns a copy of the whole file in memory, which nobody can change: memfd_create(2), fcntl(2) F_ADD_SEALS.
package func sealedCopy(of fd: CInt, _ name: String) throws(Errno) -> OwnedFD {
    let flags = UInt32(MFD_CLOEXEC) | UInt32(MFD_ALLOW_SEALING)
    // MFD_EXEC, requested by Linux since 6.3 and unknown before.
    var number = skl_memfd_create(name, flags | 0x10)
    if number < 0 { number = try checked { skl_memfd_create(name, flags) } }
    let file = OwnedFD(adopting: number)
    let copy = file.raw
    let size = off_t(try endOffset(of: fd))
    var offset: off_t = 0
    while offset < size {
        let count = try checked { sendfile(copy, fd, &offset, size - offset) }
        if count == 0 { throw .ioError }
    }
    _ = try checked { skl_fcntl(copy, F_ADD_SEALS, Int(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)) }
    return file
}

/// The seals of a file in memory; fcntl(2) F_GET_SEALS.
/// - Throws: `EINVAL` for any other file.
package func seals(of fd: CInt) throws(Errno) -> CInt { try checked { skl_fcntl(fd, F_GET_SEALS, 0) } }

/// renameat2(2) RENAME_EXCHANGE: two names change places at once.
package func exchange(_ first: String, _ second: String) throws(Errno) {
    let first = try Terminated(first.bytes)
    _ = try checked(second) { skl_renameat2(AT_FDCWD, first.text, AT_FDCWD, $0, 2) }
}

/// Sets a file's times to the current time of its file system's clock; utimensat(2).
package func touch(_ path: String, access: Bool = true, modification: Bool = false) throws(Errno) {
    // UTIME_NOW and UTIME_OMIT of linux/stat.h.
    let (now, keep) = (0x3FFF_FFFF, 0x3FFF_FFFE)
    let times = [
        timespec(tv_sec: 0, tv_nsec: access ? now : keep), timespec(tv_sec: 0, tv_nsec: modification ? now : keep),
    ]
    _ = try checked(path) { utimensat(AT_FDCWD, $0, times, 0) }
}
