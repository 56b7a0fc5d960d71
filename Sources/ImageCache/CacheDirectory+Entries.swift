package import Base
package import Linux

/// Entries appear whole or not at all: they are written as `tmp_*` in the same directory, then renamed.
extension CacheDirectory {
    /// Returns the file of an entry, or nil when there is none.
    package func find(_ kind: Kind, _ name: String) -> String? {
        let path = self.path(kind) + "/" + name
        guard Self.ownEntry(path) != nil else { return nil }
        // The quota removes the least recently used entries, and not every file system keeps access times.
        try? touch(path)
        return path
    }

    /// Returns the status of an entry's file that this user or root put here, or nil when there is none. One that
    /// somebody else may have written, or linked to, counts as none.
    package static func ownEntry(_ path: String) -> FileStatus? {
        guard let file = try? PrivateFiles.current.open(path) else { return nil }
        return try? status(of: file.raw)
    }

    /// Makes way for an entry: removes anything in its place that is not ours. A directory comes from an old cache.
    package static func removeForeign(_ path: String) {
        guard let found = try? status(path, follow: false) else { return }
        if found.isDirectory {
            try? removeTree(path)
        } else if ownEntry(path) == nil {
            Log.warning("Removing \(path) from the cache: somebody else can have written it")
            try? unlink(path)
        }
    }

    /// Makes a new entry.
    ///
    /// - Parameter write: writes the file at the path, which does not exist. If it throws, nothing stays.
    /// - Returns: the path of the entry.
    package func create(_ kind: Kind, _ name: String, _ write: (String) throws(SkiffError) -> Void) throws(SkiffError)
        -> String
    {
        let folder = try make(kind)
        removeLeftoversOnce()
        let part = folder + "/" + UnfinishedEntry.name
        do throws(SkiffError) {
            try write(part)
            let path = folder + "/" + name
            try seal(part)
            Self.removeForeign(path)
            try during("cannot put \(name) into the cache") { () throws(Errno) in try rename(part, to: path) }
            try keepWithinQuota(except: path)
            return path
        } catch {
            try? unlink(part)
            throw error
        }
    }

    /// Takes away the permissions of others that the umask left.
    private func seal(_ path: String) throws(SkiffError) {
        try during("cannot close \(path) to others") { () throws(Errno) in
            let file = try open(path, [.read, .noFollow, .nonBlocking])
            let found = try status(of: file.raw)
            guard found.isRegular else { throw .invalidArgument }
            if found.mode & 0o022 != 0 { try Linux.fchmod(file.raw, found.permissions & ~0o022) }
        }
    }

    /// Removes an entry that turned out to be wrong.
    package func discard(_ kind: Kind, _ name: String) { try? unlink(path(kind) + "/" + name) }
}
