import CLinux
import Core
import Linux

/// The credentials that processes were given. Each process carries the number of its record as a limit that no kernel
/// uses, RLIMIT_LOCKS: fork and exec hand it on and exit drops it, exactly as with true credentials, so nobody has to
/// follow processes. All threads of a process share it.
///
/// The numbers are places in a file in memory that all processes of skiff-root share. Records are only ever added, in
/// one write each, so no lock is needed, and a process that is killed leaves none held.
struct CredentialTable {
    private static let first: UInt64 = 0x534B_0000_0000
    private static let limit: UInt64 = 64 << 20
    private static let signature: UInt64 = 0x534B_4352_4544

    /// Opened for this process alone: processes that inherit an open file share its offset.
    private let file: OpenFile
    private var known: [UInt64: Credentials] = [:]
    private var marks: [Credentials: UInt64] = [:]

    private final class OpenFile {
        let descriptor: OwnedFD
        init(_ descriptor: consuming OwnedFD) { self.descriptor = descriptor }
    }

    init() throws(Errno) {
        let memory = try makeMemoryFile("credentials", [])
        file = OpenFile(try Self.open(memory.raw))
    }

    private init(_ file: OpenFile) { self.file = file }

    private static func open(_ descriptor: CInt) throws(Errno) -> OwnedFD {
        try Linux.open("/proc/self/fd/\(descriptor)", O_RDWR | O_APPEND)
    }

    /// Returns the same table for a process that was forked.
    func reopened() throws(Errno) -> CredentialTable { CredentialTable(OpenFile(try Self.open(file.descriptor.raw))) }

    /// - Throws: ESRCH when the process is gone.
    mutating func credentials(of process: pid_t) throws(Errno) -> Credentials {
        let mark = try lockLimit(of: process)
        if let found = known[mark] { return found }
        guard mark >= Self.first, mark != .max, let found = try record(at: mark - Self.first) else { return .root }
        known[mark] = found
        marks[found] = mark
        return found
    }

    mutating func set(_ credentials: Credentials, of process: pid_t) throws(Errno) {
        let mark: UInt64
        if let found = marks[credentials] {
            mark = found
        } else {
            mark = try self.mark(of: credentials)
            known[mark] = credentials
            marks[credentials] = mark
        }
        try setLockLimit(mark, of: process)
    }

    /// Returns the number of a new record.
    func mark(of credentials: Credentials) throws(Errno) -> UInt64 {
        let numbers = credentials.numbers
        let record = ([Self.signature, UInt64(numbers.count)] + numbers).flatMap { number in
            (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
        guard try endOffset(of: file.descriptor.raw) < Self.limit else { throw .tryAgain }
        try writeFully(file.descriptor.raw, record)
        return Self.first + (try position(of: file.descriptor.raw)) - UInt64(record.count)
    }

    /// - Returns: nil for a limit that was set by somebody else.
    private func record(at place: UInt64) throws(Errno) -> Credentials? {
        guard let start = Int64(exactly: place), place < 2 * Self.limit else { return nil }
        let head = Self.numbers(try readBytes(file.descriptor.raw, at: start, count: 16))
        guard head.count == 2, head[0] == Self.signature, head[1] < 1 << 17 else { return nil }
        return Credentials(
            numbers: Self.numbers(try readBytes(file.descriptor.raw, at: start + 16, count: Int(head[1]) * 8)))
    }

    private static func numbers(_ bytes: [UInt8]) -> [UInt64] {
        stride(from: 0, to: bytes.count - bytes.count % 8, by: 8).map { place in
            bytes[place..<place + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
