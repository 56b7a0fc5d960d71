package import CLinux

/// What stat(2) reports about a file.
package struct FileStatus: Sendable, Equatable {
    package let device: UInt64
    package let inode: UInt64
    package let mode: mode_t
    package let links: UInt64
    package let uid: uid_t
    package let gid: gid_t
    package let rawDevice: UInt64
    /// In bytes.
    package let size: Int64
    /// Disk space taken, in bytes; holes take none.
    package let allocated: Int64
    /// In seconds since 1970.
    package let modified: Int64
    /// In seconds since 1970.
    package let accessed: Int64
    /// When the content or anything reported here last changed, in nanoseconds since 1970; nobody can set it.
    package let changed: Int64

    init(_ raw: stat) {
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        mode = raw.st_mode
        links = UInt64(raw.st_nlink)
        uid = raw.st_uid
        gid = raw.st_gid
        rawDevice = UInt64(raw.st_rdev)
        size = Int64(raw.st_size)
        allocated = Int64(raw.st_blocks) &* 512
        modified = Int64(raw.st_mtim.tv_sec)
        accessed = Int64(raw.st_atim.tv_sec)
        changed = Int64(raw.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(raw.st_ctim.tv_nsec)
    }

    package var permissions: mode_t { mode & 0o7777 }
    package var isDirectory: Bool { mode & SKL_S_IFMT == SKL_S_IFDIR }
    package var isRegular: Bool { mode & SKL_S_IFMT == SKL_S_IFREG }
    package var isSymlink: Bool { mode & SKL_S_IFMT == SKL_S_IFLNK }
    package var isBlockDevice: Bool { mode & SKL_S_IFMT == SKL_S_IFBLK }
    package var isCharacterDevice: Bool { mode & SKL_S_IFMT == SKL_S_IFCHR }

    /// Returns whether the permission bits grant `mode` of access(2) to a user; root needs one bit to execute.
    func permits(_ mode: CInt, uid: uid_t, groups: [gid_t]) -> Bool {
        let wanted = mode_t(mode)
        if uid == 0 { return isDirectory || wanted & 1 == 0 || permissions & 0o111 != 0 }
        let bits = uid == self.uid ? permissions >> 6 : groups.contains(gid) ? permissions >> 3 : permissions
        return bits & wanted == wanted
    }
}

/// stat(2) or, with `follow: false`, lstat(2).
package func status(_ path: String, at directory: CInt = AT_FDCWD, follow: Bool = true) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked(path) { fstatat(directory, $0, &raw, follow ? 0 : AT_SYMLINK_NOFOLLOW) }
    return FileStatus(raw)
}

/// fstat(2); works on O_PATH descriptors.
package func status(of fd: CInt) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked { fstat(fd, &raw) }
    return FileStatus(raw)
}

/// The magic number of the file system that holds `path`, from linux/magic.h; statfs(2).
package func filesystemType(of path: String) throws(Errno) -> UInt64 {
    var raw = statfs()
    _ = try checked(path) { skl_statfs($0, &raw) }
    return UInt64(truncatingIfNeeded: raw.f_type)
}

package func filesystemType(of fd: CInt) throws(Errno) -> UInt64 {
    var raw = statfs()
    _ = try checked { fstatfs(fd, &raw) }
    return UInt64(truncatingIfNeeded: raw.f_type)
}

/// What statvfs(3) reports about a file system.
package struct FilesystemFacts: Sendable {
    /// How much this user may still write, in bytes.
    package let available: Int64
    /// Whether programs on it cannot be started.
    package let isNoExec: Bool
    /// Whether device nodes on it do not work.
    package let isNoDev: Bool

    init(_ raw: statvfs) {
        let (bytes, overflow) = Int64(clamping: raw.f_bavail).multipliedReportingOverflow(by: Int64(raw.f_frsize))
        available = overflow ? .max : bytes
        // ST_NOEXEC and ST_NODEV of bits/statvfs.h, which Swift does not import.
        isNoExec = raw.f_flag & 8 != 0
        isNoDev = raw.f_flag & 4 != 0
    }
}

/// statvfs(3) of the file system that holds `path`.
package func filesystemFacts(of path: String) throws(Errno) -> FilesystemFacts {
    var raw = statvfs()
    _ = try checked(path) { statvfs($0, &raw) }
    return FilesystemFacts(raw)
}

/// Returns the path without its last component: `/a/b` → `/a`, `/a` → `/`, `a/b` → `a`, `a` → nil.
package func parentPath(_ path: String) -> String? {
    let bytes = path.utf8
    guard let slash = bytes.lastIndex(of: 0x2F) else { return nil }
    if slash == bytes.startIndex { return "/" }
    return String(path[..<slash])
}

/// Returns the last component: `/a/b` → `b`.
package func lastComponent(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: 0x2F) else { return path }
    return String(path[path.utf8.index(after: slash)...])
}
