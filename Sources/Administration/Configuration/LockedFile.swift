import Base
import CLinux
import Linux

/// A file of the administrator that is replaced by one process at a time: read, changed, and written whole or not at all.
struct LockedFile {
    /// Without symbolic links: the file is replaced, not a link to it.
    let path: String

    init(_ path: String) { self.path = (try? realPath(path)) ?? path }

    /// - Returns: nil for a file that is not there.
    func read(limit: Int) throws(SkiffError) -> [UInt8]? {
        do throws(Errno) {
            return try readFile(path, limit: limit)
        } catch {
            if error == .noSuchFile { return nil }
            throw SkiffError("cannot read \(path)", errno: error)
        }
    }

    /// Replaces the file, with the mode that it has or `mode`.
    func write(_ bytes: [UInt8], mode: mode_t = 0o644) throws(Errno) {
        let mode = (try? status(path).permissions).map { mode_t($0) & 0o777 } ?? mode
        let file = try AtomicFile(path, mode: mode)
        try writeFully(file.raw, bytes)
        try Linux.fchmod(file.raw, mode)
        try file.publish(durable: true)
    }

    /// Holds `PATH.lock` as the programs of shadow do: a new file with the number of this process, and one whose process
    /// has gone counts for nothing; lckpwdf(3) has no name for these files.
    func whileLocked(_ body: () throws(SkiffError) -> Void) throws(SkiffError) {
        let lock = path + ".lock"
        try during("cannot lock \(path)") { () throws(Errno) in
            let text = Array(String(processID()).utf8)
            for attempt in 0..<2 {
                do throws(Errno) {
                    let file = try open(lock, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
                    return try writeFully(file.raw, text)
                } catch {
                    guard error == .exists, attempt == 0, isStale(lock) else { throw error }
                    try? unlink(lock)
                }
            }
        }
        defer { try? unlink(lock) }
        try body()
    }

    private func isStale(_ lock: String) -> Bool {
        guard let bytes = try? readFile(lock, limit: 64) else { return false }
        let digits = bytes.prefix { (0x30...0x39).contains($0) }
        guard let number = pid_t(String(bytes: Array(digits))), number > 1 else { return false }
        return startTime(of: number) == nil
    }
}
