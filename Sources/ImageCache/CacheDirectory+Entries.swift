package import Base
import CLinux
import Linux

/// Entries appear whole or not at all: they are written as `tmp_*` in the same directory, then renamed.
extension CacheDirectory {
    /// Returns the file of an entry, or nil when there is none. A directory of that name belongs to an old cache and is
    /// removed.
    package func find(_ kind: Kind, _ name: String) -> String? {
        let path = self.path(kind) + "/" + name
        guard let found = try? status(path) else { return nil }
        if found.isDirectory {
            try? removeTree(path)
            return nil
        }
        guard found.isRegular else { return nil }
        // The quota removes the least recently used entries, and not every file system keeps access times.
        try? touch(path)
        return path
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
            try during("cannot put \(name) into the cache") { () throws(Errno) in try rename(part, to: path) }
            try keepWithinQuota(except: path)
            return path
        } catch {
            try? unlink(part)
            throw error
        }
    }

    /// Removes an entry that turned out to be wrong.
    package func discard(_ kind: Kind, _ name: String) { try? unlink(path(kind) + "/" + name) }
}
