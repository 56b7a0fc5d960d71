package import Base
package import Linux

/// A file of the cache.
package struct CacheFile: Sendable {
    package let kind: CacheDirectory.Kind
    /// The name of the entry; for a blob, the hexadecimal digest.
    package let name: String
    package let path: String
    package let status: FileStatus
}

extension CacheDirectory {
    /// Returns the entries of one kind, sorted by name, without unfinished ones.
    package func files(_ kind: Kind) -> [CacheFile] {
        let folder = kind == .blob ? path(.blob) + "/blobs/sha256" : path(kind)
        guard let opened = try? open(folder, [.read, .directory]), let names = try? Linux.entries(of: opened.raw)
        else { return [] }
        return names.map(\.text).filter { !$0.hasPrefix(UnfinishedEntry.prefix) && !$0.hasPrefix(".") }.compactMap {
            name in
            guard let found = try? status(name, at: opened.raw, follow: false), found.isRegular else { return nil }
            return CacheFile(kind: kind, name: name, path: folder + "/" + name, status: found)
        }
    }

    /// Removes the least recently used entries until the rest is within the quota. An open file stays readable.
    ///
    /// - Parameter path: the newest entry, which stays even if it exceeds the quota by itself.
    package func keepWithinQuota(except path: String) throws(SkiffError) {
        guard let quota else { return }
        var files = Kind.allCases.flatMap { self.files($0) }
        var total = files.reduce(Int64(0)) { $0.addingReportingOverflow($1.status.size).partialValue }
        files.sort { ($0.status.accessed, $0.path) < ($1.status.accessed, $1.path) }
        for file in files where total > quota && file.path != path {
            Log.verbose("Removing \(file.kind.rawValue) cache entry for the quota: \(file.name)")
            do throws(Errno) {
                try unlink(file.path)
                total -= file.status.size
            } catch {
                Log.warning("cannot remove \(file.path) from the cache: \(error)")
            }
        }
    }
}
