import Base
import CLinux
import Linux

/// The records of one command, in a file of the user: locked as long as the command lives, so that another one can tell
/// a dead command by its lock.
package final class UndoJournal {
    private let path: String
    private let file: OwnedFD
    private var entries: [(handle: UInt64, record: UndoRecord)] = []
    private var last: UInt64 = 0

    private static let magic = Array("skiff-undo 1\n".utf8)
    /// In bytes: more than anybody writes.
    private static let limit = 16 << 20
    private static let cure = "Plugins write down there what a killed command has to take back"

    /// Makes the file of this command.
    init(in directory: String) throws(SkiffError) {
        let folder = try PrivateFiles.current.openDirectory(directory, cure: Self.cure)
        let name = "\(processID())-\(monotonicMicroseconds())-\(Self.namespace)"
        path = directory + "/" + name
        var header = ByteWriter()
        header.append(Self.magic)
        header.append(bootName().bytes + [0x0A])
        let text = header.bytes
        file = try during("cannot make \(path)") { () throws(Errno) in
            // Whoever sweeps holds this lock while it looks for files that nobody has locked.
            try lock(folder.raw)
            let file = try open(name, O_RDWR | O_CREAT | O_EXCL | O_APPEND, mode: 0o600, at: folder.raw)
            try lock(file.raw)
            try writeFully(file.raw, text)
            return file
        }
    }

    /// Writes a record down.
    /// - Returns: its handle.
    func push(_ record: UndoRecord) throws(SkiffError) -> UInt64 {
        last += 1
        var writer = ByteWriter()
        writer.u64(last)
        record.encode(into: &writer)
        let (entry, isLasting) = (writer.bytes, record.kind.outlivesBoot)
        try during("cannot write \(path)") { () throws(Errno) in try append(entry, isLasting: isLasting) }
        entries.append((last, record))
        return last
    }

    /// - Returns: whether there was such a record.
    func drop(_ handle: UInt64) throws(Errno) -> Bool {
        guard let index = entries.firstIndex(where: { $0.handle == handle }) else { return false }
        var writer = ByteWriter()
        writer.u64(handle)
        try append(writer.bytes, isLasting: false)
        entries.remove(at: index)
        return true
    }

    /// In a process that was forked: has the file by an opening of its own, so that the lock ends with the command.
    func leaveLock() {
        guard let other = try? open(path, O_RDWR | O_APPEND), (try? duplicate(other.raw, onto: file.raw)) != nil else {
            return
        }
        try? file.setInherited(false)
    }

    private func append(_ entry: [UInt8], isLasting: Bool) throws(Errno) {
        var writer = ByteWriter()
        writer.u32(UInt32(entry.count))
        writer.append(entry)
        try writeFully(file.raw, writer.bytes)
        if isLasting { try Linux.fsync(file.raw) }
    }

    /// Carries out the records of these handles, the last one first.
    func carryOut(_ handles: [UInt64]) {
        for entry in entries.reversed() where handles.contains(entry.handle) {
            entry.record.carryOut(isOfThisBoot: true)
            _ = try? drop(entry.handle)
        }
        if entries.isEmpty { try? unlink(path) }
    }

    // MARK: - what others have left

    /// Where the records of this user on this host are.
    package static var directory: String {
        ConfigurationDirectory.path + "/undo/" + ConfigurationDirectory.component(hostname())
    }

    /// Carries out what commands that were killed have written down, or only tells of it.
    /// - Returns: the paths of what they have written.
    @discardableResult package static func sweep(_ directory: String, removing: Bool = true) -> [String] {
        guard (try? status(directory, follow: false)) != nil,
            let folder = try? PrivateFiles.current.openDirectory(directory, cure: cure)
        else { return [] }
        let left = abandoned(folder.raw)
        if !removing { return left.map { directory + "/" + $0.0 } }
        for (name, file) in left {
            if let bytes = try? readToEnd(file.raw, limit: limit) {
                let found = read(bytes)
                if !found.records.isEmpty {
                    Log.verbose("taking back what a command that was killed has left: \(directory)/\(name)")
                }
                for record in found.records.reversed() {
                    record.carryOut(isOfThisBoot: found.boot == bootName())
                }
            }
            try? unlink(name, at: folder.raw)
        }
        return left.map { directory + "/" + $0.0 }
    }

    /// Returns files whose command is dead, locked now.
    private static func abandoned(_ folder: CInt) -> [(String, LockedFile)] {
        var result: [(String, LockedFile)] = []
        do throws(Errno) {
            try lock(folder)
            let end = monotonicMilliseconds() + patience
            for entry in try Linux.entries(of: folder) {
                guard let file = try? PrivateFiles.current.open(entry.text, O_RDWR, at: folder),
                    (try? isFree(file.raw, entry.text, until: end)) == true
                else { continue }
                result.append((entry.text, LockedFile(file)))
            }
        } catch {}
        _ = flock(folder, LOCK_UN)
        return result
    }

    /// Milliseconds in which killed commands have to let their files go.
    private static let patience: Int64 = 1000

    /// Locks a file. Whoever was killed a moment ago still has it: the kernel has to come to that process first, and those who
    /// have waited for its parent know nothing of it.
    private static func isFree(_ file: CInt, _ name: String, until end: Int64) throws(Errno) -> Bool {
        let parts = name.split(separator: "-")
        // The number means another process in another namespace.
        let owner = parts.count == 3 && parts[2] == namespace ? pid_t(parts[0]) : nil
        while try tryLock(file) == false {
            guard let owner, isBeingKilled(owner), monotonicMilliseconds() < end else {
                // It may have gone between the two looks.
                return try tryLock(file)
            }
            pause(milliseconds: 2)
        }
        return true
    }

    /// The number of this PID namespace.
    private static let namespace = (try? readLink("/proc/self/ns/pid"))?.filter(\.isNumber) ?? ""

    /// Move-only descriptors cannot live in an array.
    private final class LockedFile {
        private let file: OwnedFD
        var raw: CInt { file.raw }
        init(_ file: consuming OwnedFD) { self.file = file }
    }

    /// Returns the records that were not dropped, and the boot in which they were written. What follows a record that was
    /// cut off is left out.
    static func read(_ bytes: [UInt8]) -> (boot: String, records: [UndoRecord]) {
        guard bytes.starts(with: magic), let end = bytes[magic.count...].firstIndex(of: 0x0A) else { return ("", []) }
        let boot = String(bytes: bytes[magic.count..<end])
        var found: [(handle: UInt64, record: UndoRecord)] = []
        var reader = ByteReader(bytes.span.bytes, at: end + 1)
        while reader.remaining > 0 {
            do throws(ByteReader.Truncated) {
                let size = Int(try reader.u32())
                let handle = try reader.u64()
                if size == 8 {
                    found.removeAll { $0.handle == handle }
                } else {
                    found.append((handle, try UndoRecord(decoding: try reader.array(size - 8))))
                }
            } catch {
                break
            }
        }
        return (boot, found.map(\.record))
    }
}
