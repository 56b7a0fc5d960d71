import Base
import Linux

/// A kept result in use: nobody removes it as long as this object lives.
package final class KeptStep {
    package private(set) var path: String
    package let record: StepRecord
    package let notes: [String: [UInt8]]
    private let files: OwnedFD
    private let lease: String

    /// The descriptor of its `fs`, lent. Mounts through /proc/self/fd keep it when others rename it.
    package var descriptor: CInt { files.raw }

    /// - Throws: `ENOENT` when there is no complete result.
    init(_ path: String) throws(Errno) {
        guard let record = Self.record(path) else { throw .noSuchFile }
        let place = try open(path, [.pathOnly, .directory, .noFollow])
        lease = "leases/\(processID())-\(uniqueName())"
        try writeFile(lease, Array(LeaseHolder.current.text.utf8), mode: 0o600, at: place.raw)
        files = try open("fs", [.pathOnly, .directory], at: place.raw)
        notes = try Self.notes(place.raw)
        self.path = path
        self.record = record
        // Another process may have removed it before it could see this lease.
        guard try status(path) == status(of: place.raw) else {
            try? unlink(lease, at: place.raw)
            throw .noSuchFile
        }
    }

    deinit { try? unlink(path + "/" + lease) }

    func moved(to path: String) { self.path = path }

    var isSynced: Bool { (try? status(path + "/synced")) != nil }

    /// Returns the record in a directory, or nil when the result cannot be trusted: it is incomplete, or somebody else
    /// may have made it.
    static func record(_ path: String) -> StepRecord? {
        let files = PrivateFiles.current
        guard let folder = try? open(path, [.pathOnly, .directory, .noFollow]),
            let found = try? status(of: folder.raw), files.isOwn(found),
            let bytes = try? files.read("record", at: folder.raw, limit: 1 << 20), let record = StepRecord(bytes),
            record.boot == LeaseHolder.boot || (try? status("synced", at: folder.raw, follow: false)) != nil
        else { return nil }
        return record
    }

    private static func notes(_ place: CInt) throws(Errno) -> [String: [UInt8]] {
        let folder = try open("notes", [.read, .directory], at: place)
        var notes: [String: [UInt8]] = [:]
        for entry in try entries(of: folder.raw) {
            notes[entry.text] = try readFile(entry.text, at: folder.raw, limit: 16 << 20)
        }
        return notes
    }
}

extension Lease {
    /// How long a lease of another host counts after its last change, in seconds.
    private static let foreign: Int64 = 86_400

    /// Returns whether a living process has a lease in the directory of a result.
    static func isUsed(_ path: String) -> Bool {
        guard let folder = try? open(path + "/leases", [.read, .directory]), let names = try? entries(of: folder.raw)
        else { return false }
        let living = names.filter { isAlive($0.text, at: folder.raw) }
        if living.isEmpty { for name in names { try? unlink(name.text, at: folder.raw) } }
        return !living.isEmpty
    }

    /// Returns whether the process that makes a result is alive.
    static func isOwned(_ path: String) -> Bool {
        guard let folder = try? open(path, [.read, .directory]) else { return false }
        // Just made, without its owner yet.
        guard (try? status("owner", at: folder.raw)) != nil else {
            return ((try? status(of: folder.raw).modified) ?? 0) > currentTime() - 60
        }
        return isAlive("owner", at: folder.raw)
    }

    private static func isAlive(_ name: String, at folder: CInt) -> Bool {
        guard let bytes = try? readFile(name, at: folder, limit: 4096) else { return false }
        if let known = LeaseHolder(bytes).isAlive { return known }
        return ((try? status(name, at: folder).modified) ?? 0) > currentTime() - foreign
    }
}
