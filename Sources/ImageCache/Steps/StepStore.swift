package import Base
import Digest
import Linux

/// The results of build steps in `<cache>/build`, each a directory:
///
///     KEY/fs       what the step changed: the upper directory of an overlay
///     KEY/record   what it depends on; `StepRecord`
///     KEY/notes/   small values for the steps after it
///     KEY/leases/  who uses it now
///     KEY/used     its time is that of the last use
///     KEY/synced   is there when all of it is known to be on the disk
///     mount.*      `KeptMount`
///     tmp.*        being made      dead.*   being removed
///
/// A result appears by one rename and is removed by one rename; nothing in it changes in between. There is no lock: of
/// two processes that make the same result, the second finds that of the first when it is done, and uses it.
package struct StepStore: Sendable {
    package let path: String
    /// The most bytes that results and mounts may take.
    package let quota: Int64

    private static let usualQuota: Int64 = 20 << 30

    /// Removes a tree whose files may belong to subordinate ids, as far as that is possible.
    package typealias TreeRemoval = @Sendable (_ path: String) -> Void
    private let removeFiles: TreeRemoval

    package init(path: String, quota: Int64, removing: @escaping TreeRemoval) {
        (self.path, self.quota, removeFiles) = (path, quota, removing)
    }

    package init(_ cache: CacheDirectory, removing: @escaping TreeRemoval) throws(SkiffError) {
        let wanted = try settingVariable("BUILD_CACHE_QUOTA").map(CacheDirectory.bytes)
        self.init(
            path: try cache.make("build"), quota: wanted ?? cache.quota ?? Self.usualQuota, removing: removing)
    }

    /// Returns the name of a result, made of everything that it depends on.
    package static func key(title: String, parent: String, facts: [StepFact]) throws(SkiffError) -> String {
        let texts = ["skiff-step 1", title, parent] + facts.flatMap { [$0.name, $0.value] }
        return String(try digest(texts).prefix(40))
    }

    /// Returns the digest of a list of texts, in 64 digits.
    package static func digest(_ texts: [String]) throws(SkiffError) -> String {
        var digest = try SHA256()
        for text in texts { try digest.update(Array("\(text.utf8.count):\(text)".utf8)) }
        return String(try digest.text().dropFirst("sha256:".count))
    }

    /// Returns a new instance name for a result.
    package static func newInstance() throws(SkiffError) -> String {
        let bytes = try during("cannot get random bytes") { () throws(Errno) in try randomBytes(16) }
        return hexadecimal(bytes)
    }

    // MARK: - Finding and keeping

    /// Returns the kept result of a step, which is in use as long as the object lives, or nil when there is none.
    package func find(_ key: String) -> KeptStep? {
        let folder = path + "/" + key
        guard let kept = try? KeptStep(folder) else { return nil }
        try? touch(folder + "/used", modification: true)
        return kept
    }

    /// Makes a directory for what a build makes but does not keep; `tidy` removes it when the build is dead.
    package func makeScratch(_ name: String) throws(SkiffError) {
        try during("cannot make a directory in \(path)", hint: "Use --disable-cache to build without it") {
            () throws(Errno) in
            try makeDirectory(name, mode: 0o700)
            try writeFile(name + "/owner", Array(LeaseHolder.current.text.utf8), mode: 0o600)
        }
    }

    /// Returns a name for `makeScratch`.
    package func chooseScratch() -> String {
        "\(path)/tmp.\(processID()).\(uniqueName())"
    }

    /// Returns a new directory for a result in a scratch directory, with `fs` and `work` in it.
    package func begin(in scratch: String) throws(SkiffError) -> String {
        try during("cannot make a directory in \(scratch)") { () throws(Errno) in
            let folder = "\(scratch)/\(uniqueName())"
            try makeDirectory(folder, mode: 0o700)
            for name in ["fs", "work", "leases", "notes"] { try makeDirectory(folder + "/" + name, mode: 0o755) }
            // mkdir(2) applies the umask.
            try chmod(folder + "/fs", 0o755)
            return folder
        }
    }

    /// Keeps a finished result of `begin` under a key. If another process was first, returns its result.
    ///
    /// - Parameter replaces: whether the new one wins; the kept one is then no longer used.
    package func keep(
        _ folder: String, as key: String, _ record: StepRecord, notes: [String: [UInt8]], replaces: Bool
    ) throws(SkiffError) -> KeptStep {
        do throws(Errno) {
            for name in ["work", "empty"] { try? removeTree(folder + "/" + name) }
            for (name, value) in notes { try writeFile(folder + "/notes/" + name, value, mode: 0o600) }
            try writeFile(folder + "/used", [], mode: 0o600)
            try writeFile(folder + "/record", record.bytes, mode: 0o600)
            let kept = try KeptStep(folder)
            for _ in 0..<5 {
                do throws(Errno) {
                    try rename(folder, to: path + "/" + key)
                    kept.moved(to: path + "/" + key)
                    return kept
                } catch {
                    guard error == .exists || error == .notEmpty else { throw error }
                }
                if replaces || !isWhole(key) {
                    discard(key)
                } else if let other = find(key) {
                    try? removeTree(folder)
                    return other
                }
            }
            throw .busy
        } catch {
            throw SkiffError("cannot keep a build step in \(path)", errno: error)
        }
    }

    private func isWhole(_ key: String) -> Bool { record(key) != nil }

    /// Returns the record of a result that can be trusted.
    private func record(_ key: String) -> StepRecord? {
        KeptStep.record(path + "/" + key)
    }

    /// Marks results as written to disk. Called when a build is done: a power failure before that only loses them.
    package func synchronize(_ steps: [KeptStep]) {
        let fresh = steps.filter { !$0.isSynced }
        guard !fresh.isEmpty, let folder = try? open(path, [.read, .directory]),
            (try? synchronizeFilesystem(folder.raw)) != nil
        else { return }
        for step in fresh { try? writeFile(step.path + "/synced", [], mode: 0o600) }
    }

    // MARK: - What is there

    /// Returns all kept results, the least recently used first.
    package func all() -> [KeptEntry] {
        names().filter { !$0.contains(".") }.compactMap { key in
            guard let record = record(key), let used = try? status(path + "/" + key + "/used") else { return nil }
            return KeptEntry(key: key, record: record, used: used.modified)
        }.sorted { ($0.used, -$0.record.time, $0.key) < ($1.used, -$1.record.time, $1.key) }
    }

    func names() -> [String] {
        guard let opened = try? open(path, [.read, .directory]), let found = try? entries(of: opened.raw) else {
            return []
        }
        return found.map(\.text)
    }

    // MARK: - Removing

    /// Removes a result, unless it is in use.
    /// - Returns: whether it is gone.
    @discardableResult
    package func remove(_ key: String) -> Bool {
        if Lease.isUsed(path + "/" + key) { return false }
        return discard(key)
    }

    /// Renames a result away, and removes it from disk when it is not in use.
    @discardableResult
    private func discard(_ key: String) -> Bool {
        let dead = "\(path)/dead.\(uniqueName())"
        guard (try? rename(path + "/" + key, to: dead)) != nil else { return false }
        if !Lease.isUsed(dead) { removeFiles(dead) }
        return true
    }

    /// Removes results built on one that is gone, since nothing asks for them any more.
    private func removeOrphans() {
        var all = all()
        while true {
            let instances = Set(all.map(\.record.instance))
            let gone = all.filter {
                !$0.record.parent.isEmpty && !instances.contains($0.record.parent) && remove($0.key)
            }
            if gone.isEmpty { return }
            let keys = Set(gone.map(\.key))
            all.removeAll { keys.contains($0.key) }
        }
    }

    /// Removes leftovers of killed processes, then the least recently used results until the rest is within the quota.
    package func tidy() {
        for name in names() {
            let folder = path + "/" + name
            if name.hasPrefix("dead."), !Lease.isUsed(folder) { removeFiles(folder) }
            if name.hasPrefix("tmp."), !Lease.isOwned(folder) { removeFiles(folder) }
            if !name.contains("."), !isWhole(name) { discard(name) }
        }
        removeOrphans()
        let kept =
            all().map { (name: $0.key, size: $0.record.size, used: $0.used, made: $0.record.time) }
            + mounts().map { (name: KeptMount.prefix + $0.key, size: $0.size, used: $0.used, made: $0.used) }
        var total = kept.reduce(Int64(0)) { $0.addingReportingOverflow($1.size).partialValue }
        // Of results used in the same second, those built on others go first.
        for entry in kept.sorted(by: { ($0.used, -$0.made, $0.name) < ($1.used, -$1.made, $1.name) })
        where total > quota {
            if remove(entry.name) { total -= entry.size }
        }
    }
}

/// A kept result, for lists.
package struct KeptEntry: Sendable {
    package let key: String
    package let record: StepRecord
    /// In seconds since 1970.
    package let used: Int64
}
