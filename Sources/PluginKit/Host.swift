import Glibc

/// Why the kernel refused something: a number of errno(3).
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    public let number: Int32

    public init(_ number: Int32) { self.number = number }

    /// That of the last call of this thread.
    public static var current: SystemError { SystemError(errno) }

    /// `No such file or directory`.
    public var description: String { strerror(number).map { String(cString: $0) } ?? "unknown error \(number)" }

    public static let noSuchFile = SystemError(ENOENT)
    public static let exists = SystemError(EEXIST)
    public static let notDirectory = SystemError(ENOTDIR)
    public static let accessDenied = SystemError(EACCES)
    public static let notPermitted = SystemError(EPERM)
    public static let readOnlyFilesystem = SystemError(EROFS)
    public static let isDirectory = SystemError(EISDIR)
    public static let notSupported = SystemError(EOPNOTSUPP)
    public static let invalidArgument = SystemError(EINVAL)
    /// What a device or a pipe is instead of a file.
    public static let noDevice = SystemError(ENODEV)
}

/// The files of the host, for plugins that look at it.
public enum Host {
    public enum Kind: Sendable {
        case file, directory, symlink, other
    }

    public enum Access: Sendable {
        case read, write, execute
    }

    /// Returns what a path leads to; stat(2).
    public static func kind(of path: String, followingLinks: Bool = true) throws(SystemError) -> Kind {
        var found = stat()
        try check(path) { followingLinks ? stat($0, &found) : lstat($0, &found) }
        switch found.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .directory
        case S_IFLNK: return .symlink
        default: return .other
        }
    }

    /// Whether the caller may do this with a file, with the effective ids; faccessat(2).
    public static func permits(_ access: Access, _ path: String) -> Bool {
        let mode =
            switch access {
            case .read: R_OK
            case .write: W_OK
            case .execute: X_OK
            }
        return (try? check(path) { faccessat(AT_FDCWD, $0, mode, AT_EACCESS) }) != nil
    }

    /// Returns the path without symbolic links, `.` and `..`; realpath(3).
    public static func realPath(_ path: String) throws(SystemError) -> String {
        var result: UnsafeMutablePointer<CChar>?
        try check(path) { text in
            result = realpath(text, nil)
            return result == nil ? -1 : 0
        }
        defer { free(result) }
        return result.map { String(bytes: $0) } ?? path
    }

    /// Returns the names in a directory, sorted, without `.` and `..`.
    public static func names(in directory: String) throws(SystemError) -> [String] {
        var stream: OpaquePointer?
        try check(directory) { text in
            stream = opendir(text)
            return stream == nil ? -1 : 0
        }
        guard let stream else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in Array(raw.prefix { $0 != 0 }) }
            if name != [0x2E] && name != [0x2E, 0x2E] { names.append(String(bytes: name)) }
        }
        return names.sorted()
    }

    /// Returns the bytes of a file.
    ///
    /// - Parameter limit: how many there may be; a longer file is an error.
    public static func read(_ path: String, limit: Int = 64 << 20) throws(SystemError) -> [UInt8] {
        let file = try open(path)
        defer { _ = close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 { throw .current }
            if count == 0 { return bytes }
            if bytes.count + count > limit { throw SystemError(EOVERFLOW) }
            bytes += chunk[..<count]
        }
    }

    /// Returns the first bytes of a file, at most so many; a pipe is not waited for.
    public static func head(_ path: String, count: Int) throws(SystemError) -> [UInt8] {
        let file = try open(path)
        defer { _ = close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        if got < 0 { throw .current }
        return Array(bytes[..<got])
    }

    /// Makes a directory; mkdir(2).
    public static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
        try check(path) { mkdir($0, mode) }
    }

    private static func open(_ path: String) throws(SystemError) -> Int32 {
        try check(path) { Glibc.open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    }

    /// A path with a NUL byte would name another file.
    @discardableResult
    static func check(_ path: String, _ call: (UnsafePointer<CChar>) -> Int32) throws(SystemError) -> Int32 {
        let bytes = path.bytes
        guard !bytes.contains(0) else { throw .invalidArgument }
        let text = bytes.map { CChar(bitPattern: $0) } + [0]
        while true {
            let result = call(text)
            if result >= 0 { return result }
            if errno != EINTR { throw .current }
        }
    }
}
