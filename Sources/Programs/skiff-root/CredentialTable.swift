import CLinux
import Linux

/// The credentials that processes were given. A process carries the number of its own as a limit that no kernel uses,
/// RLIMIT_LOCKS: fork and exec hand it on and exit takes it away, exactly as with true credentials, so nobody has to
/// follow processes. All threads of a process share it.
struct CredentialTable {
    private static let first: UInt64 = 0x534B_0000_0000
    private static let limit = 1 << 20

    private var known: [Credentials] = [.root]
    private var numbers: [Credentials: Int] = [.root: 0]

    /// - Throws: ESRCH when the process is gone.
    func credentials(of process: pid_t) throws(Errno) -> Credentials {
        let mark = try lockLimit(of: process)
        guard mark >= Self.first, let index = Int(exactly: mark - Self.first), known.indices.contains(index) else {
            return .root
        }
        return known[index]
    }

    mutating func set(_ credentials: Credentials, of process: pid_t) throws(Errno) {
        let index: Int
        if let number = numbers[credentials] {
            index = number
        } else {
            guard known.count < Self.limit else { throw .tryAgain }
            index = known.count
            known.append(credentials)
            numbers[credentials] = index
        }
        try setLockLimit(Self.first + UInt64(index), of: process)
    }
}
