package import Base
import CLinux
import Linux

/// Entries appear whole or not at all: written under `tmp_*` beside their name, then renamed.
extension CacheDirectory {
    /// The file of an entry, nil when there is none. A directory of that name is one of an old cache and goes away.
    package func find(_ kind: Kind, _ name: String) -> String? {
        let path = self.path(kind) + "/" + name
        guard let found = try? status(path) else { return nil }
        if found.isDirectory {
            try? removeTree(path)
            return nil
        }
        guard found.isRegular else { return nil }
        // So that the quota takes away what was not used for the longest time; reading alone is not written down everywhere.
        try? touch(path)
        return path
    }

    /// Puts a new entry in its place.
    ///
    /// - Parameter write: fills the file at the path, which does not exist; what it throws leaves nothing behind.
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

    /// Takes an entry away that turned out wrong.
    package func discard(_ kind: Kind, _ name: String) { try? unlink(path(kind) + "/" + name) }
}
