package import Base
import Linux

/// The files of a `RUN --mount=type=cache`, kept for later builds. It is in use as long as this object lives:
///
///     mount.KEY/fs        the files
///     mount.KEY/record    `name NAME`, `size BYTES`: what was there when it was last used
///     mount.KEY/leases/   who uses it now
///     mount.KEY/used      its time is that of the last use
package final class KeptMount {
    /// The directory with the files.
    package var files: String { folder + "/fs" }
    private let folder: String
    private let name: String
    private let lease: String
    /// The lease of an exclusive user.
    private let right: Lease?

    static let prefix = "mount."

    /// - Parameters:
    ///   - key: a name made of everything that its files depend on.
    ///   - name: the name shown in lists.
    ///   - isAlone: waits until no other build uses it exclusively.
    ///   - prepare: called with a new directory for the files, before others can see it.
    fileprivate init(
        _ store: StepStore, _ key: String, _ name: String, isAlone: Bool,
        prepare: (String) throws(SkiffError) -> Void
    ) throws(SkiffError) {
        folder = store.path + "/" + Self.prefix + key
        self.name = name
        let cache = CacheDirectory(root: parentPath(store.path) ?? "/")
        right = isAlone ? try Lease.take(Self.prefix + key, in: cache) { false } : nil
        lease = "\(folder)/leases/\(processID())-\(uniqueName())"
        for _ in 0..<5 {
            if (try? status(folder, follow: false)) == nil { try Self.make(folder, name, prepare) }
            if let found = try? status(folder, follow: false), !found.isDirectory || !PrivateFiles.current.isOwn(found)
            {
                throw SkiffError(
                    "cannot use the cache mount \(name): somebody else can have made \(folder)", hint: "Remove it")
            }
            do throws(Errno) {
                try writeFile(lease, Array(LeaseHolder.current.text.utf8), mode: 0o600)
                try touch(folder + "/used", modification: true)
                return
            } catch {
                // Another process removed it between the two calls.
                guard error == .noSuchFile else { throw SkiffError("cannot use the cache mount \(name)", errno: error) }
            }
        }
        throw SkiffError("cannot use the cache mount \(name): it is removed again and again")
    }

    deinit { try? unlink(lease) }

    private static func make(_ folder: String, _ name: String, _ prepare: (String) throws(SkiffError) -> Void)
        throws(SkiffError)
    {
        let new =
            "\(parentPath(folder) ?? "/")/tmp.\(processID()).\(uniqueName())"
        defer { try? removeTree(new) }
        try during("cannot make the cache mount \(name)") { () throws(Errno) in
            try makeDirectory(new, mode: 0o700)
            try writeFile(new + "/owner", Array(LeaseHolder.current.text.utf8), mode: 0o600)
            for part in ["fs", "leases"] { try makeDirectory(new + "/" + part, mode: 0o755) }
            try writeFile(new + "/used", [], mode: 0o600)
            try writeFile(new + "/record", record(name, 0), mode: 0o600)
        }
        try prepare(new + "/fs")
        try during("cannot make the cache mount \(name)") { () throws(Errno) in
            do throws(Errno) {
                try rename(new, to: folder)
            } catch {
                // The first process wins.
                guard error == .exists || error == .notEmpty else { throw error }
            }
        }
    }

    /// Records the size, for lists and the quota.
    ///
    /// - Parameter size: the disk space of the files, in bytes.
    package func note(size: Int64) {
        try? writeFile(folder + "/record", Self.record(name, size), mode: 0o600)
    }

    private static func record(_ name: String, _ size: Int64) -> [UInt8] {
        Array("name \(name.replacing("\n", with: " "))\nsize \(size)\n".utf8)
    }
}

/// A kept mount, for lists.
package struct KeptMountEntry: Sendable {
    package let key: String
    /// The name in the Dockerfile.
    package let name: String
    /// The size at the last use, in bytes.
    package let size: Int64
    /// In seconds since 1970.
    package let used: Int64

    fileprivate init?(_ path: String, _ key: String) {
        guard let bytes = try? PrivateFiles.current.read(path + "/record", limit: 1 << 16),
            let used = try? status(path + "/used")
        else { return nil }
        var values: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        guard let name = values["name"], let size = values["size"].flatMap({ Int64($0) }), size >= 0 else { return nil }
        (self.key, self.name, self.size, self.used) = (key, name, size, used.modified)
    }
}

extension StepStore {
    /// See `KeptMount.init`.
    package func mount(
        _ key: String, name: String, isAlone: Bool, prepare: (String) throws(SkiffError) -> Void
    ) throws(SkiffError) -> KeptMount {
        try KeptMount(self, key, name, isAlone: isAlone, prepare: prepare)
    }

    /// Returns all kept mounts, the least recently used first.
    package func mounts() -> [KeptMountEntry] {
        names().filter { $0.hasPrefix(KeptMount.prefix) }.compactMap { name in
            KeptMountEntry(path + "/" + name, String(name.dropFirst(KeptMount.prefix.count)))
        }.sorted { ($0.used, $0.key) < ($1.used, $1.key) }
    }

    /// Removes a mount, unless it is in use.
    /// - Returns: whether it is gone.
    @discardableResult
    package func removeMount(_ key: String) -> Bool { remove(KeptMount.prefix + key) }
}
