import Glibc

/// An open file of the host, closed with the last reference.
public final class HostFile {
    public let descriptor: Int32

    public enum Access: Sendable {
        case read, readWrite
        /// A new file, which must not be there yet.
        case create(mode: UInt32)
        /// A file without a name in a directory, for reading and writing.
        case nameless
    }

    /// open(2). Neither waits for the other end of a pipe nor makes a terminal the controlling one.
    public init(_ path: String, _ access: Access) throws(SystemError) {
        let flags: Int32
        var mode: mode_t = 0
        switch access {
        case .read: flags = O_RDONLY
        case .readWrite: flags = O_RDWR
        case .create(let given): (flags, mode) = (O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, given)
        case .nameless: (flags, mode) = (O_RDWR | Self.temporary, 0o600)
        }
        descriptor = try Host.check(path) { Glibc.open($0, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode) }
    }

    /// A file in memory; memfd_create(2).
    public init(inMemory name: String) throws(SystemError) {
        descriptor = try Host.check(name) { memfd_create($0, Self.closeOnExec) }
    }

    deinit { _ = Glibc.close(descriptor) }

    /// MFD_CLOEXEC.
    private static let closeOnExec: UInt32 = 1

    /// O_TMPFILE, which Swift does not import.
    private static let temporary: Int32 = 0o20000000 | O_DIRECTORY
}

extension Host {
    /// Returns the kind and the size in bytes of an open file; fstat(2).
    public static func facts(of descriptor: Int32) throws(SystemError) -> (kind: Kind, size: Int64) {
        var found = stat()
        try checked { fstat(descriptor, &found) }
        let kind: Kind =
            switch found.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            default: .other
            }
        return (kind, Int64(found.st_size))
    }

    /// Returns the name of the file system that a path lies on, as `ext4`; nil where the number of its device stands in no line of
    /// proc_pid_mountinfo(5).
    public static func filesystem(of path: String) throws(SystemError) -> String? {
        var found = stat()
        try checked { stat(path, &found) }
        let device = UInt64(found.st_dev)
        let (major, minor) = (device >> 8 & 0xFFF | device >> 32 & ~0xFFF, device & 0xFF | device >> 12 & 0xFFFF_FF00)
        let number = "\(major):\(minor)"
        for line in try read("/proc/self/mountinfo", limit: 1 << 22).split(separator: 0x0A) {
            let fields = line.split(separator: 0x20)
            guard fields.count > 6, fields[2].elementsEqual(number.utf8), let dash = fields.firstIndex(of: [0x2D])
            else {
                continue
            }
            if dash + 1 < fields.count { return String(decoding: fields[dash + 1], as: UTF8.self) }
        }
        return nil
    }

    /// Returns how many bytes of a file have no place on its disk yet, and how many are free there for ordinary users; fstat(2), fstatvfs(3).
    public static func room(of descriptor: Int32) throws(SystemError) -> (missing: Int64, free: Int64) {
        var found = stat()
        var disk = statvfs()
        try checked { fstat(descriptor, &found) }
        try checked { fstatvfs(descriptor, &disk) }
        let (free, overflow) = UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize))
        return (max(0, Int64(found.st_size) - Int64(found.st_blocks) * 512), overflow ? .max : Int64(clamping: free))
    }

    /// Returns `count` bytes at an offset, fewer at the end of the file; pread(2).
    public static func read(_ descriptor: Int32, at offset: Int64, count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress?.advanced(by: done), count - done, off_t(offset) + off_t(done))
            }
            if got < 0 && errno == EINTR { continue }
            if got < 0 { throw .current }
            if got == 0 { break }
            done += got
        }
        return Array(bytes[..<done])
    }

    /// Fills a buffer from an offset on; pread(2).
    ///
    /// - Throws: EIO where the file ends before.
    public static func read(_ descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: Int64)
        throws(SystemError)
    {
        var done = 0
        while done < bytes.count {
            let got = pread(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + off_t(done))
            if got < 0 && errno == EINTR { continue }
            if got < 0 { throw .current }
            if got == 0 { throw SystemError(EIO) }
            done += got
        }
    }

    /// Writes all bytes at an offset; pwrite(2).
    public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int64)
        throws(SystemError)
    {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + off_t(done))
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw .current }
            done += count
        }
    }

    public static func write(_ bytes: [UInt8], to descriptor: Int32, at offset: Int64) throws(SystemError) {
        try bytes.withUnsafeBufferPointer { bytes throws(SystemError) in
            try write(UnsafeRawBufferPointer(bytes), to: descriptor, at: offset)
        }
    }

    /// Writes text, all of it; write(2).
    public static func write(_ text: String, to descriptor: Int32) throws(SystemError) {
        var rest = text.bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw .current }
            rest = rest.dropFirst(count)
        }
    }

    public static func setLength(_ descriptor: Int32, _ length: Int64) throws(SystemError) {
        try checked { ftruncate(descriptor, off_t(length)) }
    }

    /// Gives a range of a file its blocks; the bytes stay what they are; fallocate(2).
    public static func allocate(_ descriptor: Int32, offset: Int64, size: Int64) throws(SystemError) {
        try checked { fallocate(descriptor, 0, off_t(offset), off_t(size)) }
    }

    public static func synchronize(_ descriptor: Int32) throws(SystemError) { try checked { fsync(descriptor) } }

    /// Takes a lock on a range of an open file for as long as it is open, without waiting; fcntl(2) F_OFD_SETLK.
    ///
    /// - Returns: false when another open file has a lock that forbids it.
    public static func lock(_ descriptor: Int32, offset: Int64, size: Int64, exclusive: Bool) throws(SystemError)
        -> Bool
    {
        var range = flock()
        range.l_type = Int16(exclusive ? F_WRLCK : F_RDLCK)
        range.l_whence = Int16(SEEK_SET)
        (range.l_start, range.l_len) = (off_t(offset), off_t(size))
        do throws(SystemError) {
            try checked { withUnsafeMutablePointer(to: &range) { fcntl(descriptor, openFileLock, $0) } }
            return true
        } catch {
            if error == SystemError(EAGAIN) || error == .accessDenied { return false }
            throw error
        }
    }

    /// F_OFD_SETLK of fcntl(2).
    private static let openFileLock: Int32 = 37

    /// Copies a range of one file to another, or within one: shares the blocks where the file system can, and leaves holes
    /// where the source has them, so the target must be zero there.
    public static func copy(
        _ source: Int32, from offset: Int64, to target: Int32, at place: Int64, size: Int64
    ) throws(SystemError) {
        var position = offset
        let end = offset + size
        while position < end {
            let start = lseek(source, off_t(position), SEEK_DATA)
            if start < 0 && errno == ENXIO { return }
            // A file system that knows no holes has data everywhere.
            position = start < 0 ? position : min(Int64(start), end)
            let hole = lseek(source, off_t(position), SEEK_HOLE)
            let stop = hole <= 0 ? end : min(Int64(hole), end)
            try copyData(source, from: position, to: target, at: place + position - offset, size: stop - position)
            position = max(stop, position)
        }
    }

    private static func copyData(
        _ source: Int32, from offset: Int64, to target: Int32, at place: Int64, size: Int64
    ) throws(SystemError) {
        var (from, to) = (off64_t(offset), off64_t(place))
        var rest = size
        while rest > 0 {
            let count = copy_file_range(source, &from, target, &to, Int(min(rest, 1 << 30)), 0)
            if count > 0 {
                rest -= Int64(count)
                continue
            }
            if count < 0 && errno == EINTR { continue }
            // The source is shorter than it was, or the file systems cannot do it.
            let bytes = try read(source, at: Int64(from), count: Int(min(rest, 1 << 20)))
            if bytes.isEmpty { throw SystemError(EIO) }
            let written = bytes.withUnsafeBytes { pwrite(target, $0.baseAddress, $0.count, off_t(to)) }
            if written < 0 && errno == EINTR { continue }
            if written < 0 { throw .current }
            (from, to, rest) = (from + off64_t(written), to + off64_t(written), rest - Int64(written))
        }
    }

    /// Gives a file without a name one, which nobody may have yet; linkat(2).
    public static func name(_ descriptor: Int32, _ path: String) throws(SystemError) {
        try check(path) { path in linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) }
    }

    /// Gives a file a second name, which nobody may have yet; link(2).
    public static func link(_ path: String, to new: String) throws(SystemError) {
        let text = try terminated(new)
        try check(path) { Glibc.link($0, text) }
    }

    /// Gives a file another name, in place of a file that has it; rename(2).
    public static func rename(_ path: String, to new: String) throws(SystemError) {
        let text = try terminated(new)
        try check(path) { Glibc.rename($0, text) }
    }

    public static func remove(_ path: String) throws(SystemError) { try check(path) { unlink($0) } }

    /// Gives a file these permissions, whatever the umask; chmod(2).
    public static func setMode(_ path: String, _ mode: UInt32) throws(SystemError) {
        try check(path) { chmod($0, mode_t(mode)) }
    }

    /// Gives an open file the owner, as far as the caller may, and the permissions of another.
    public static func copyOwner(from source: Int32, to target: Int32) throws(SystemError) {
        var found = stat()
        try checked { fstat(source, &found) }
        do throws(SystemError) {
            try checked { fchown(target, found.st_uid, found.st_gid) }
        } catch {
            if error != .notPermitted { throw error }
        }
        try checked { fchmod(target, found.st_mode & 0o7777) }
    }

    private static func terminated(_ path: String) throws(SystemError) -> [CChar] {
        let bytes = path.bytes
        guard !bytes.contains(0) else { throw .invalidArgument }
        return bytes.map { CChar(bitPattern: $0) } + [0]
    }

    private static func checked(_ call: () -> Int32) throws(SystemError) {
        while call() < 0 { if errno != EINTR { throw .current } }
    }
}
