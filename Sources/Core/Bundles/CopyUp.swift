import CLinux
import Linux

/// Fills a new file system in memory with what it is going to cover: `tmpcopyup` of the runtimes, for /run and /tmp of an image
/// that is read-only.
enum CopyUp {
    /// In bytes of one file: what an image has in such places are small files.
    private static let largest = 64 << 20

    /// An owner whom the user namespace does not know cannot be had.
    private static func give(_ file: CInt, _ found: FileStatus) throws(Errno) {
        do throws(Errno) {
            try chown(ofOpen: file, found.uid, found.gid)
        } catch {
            if error != .invalidArgument { throw error }
        }
    }

    static func copy(from old: CInt, to new: CInt) throws(Errno) {
        let found = try status(of: old)
        try give(new, found)
        try chmod(ofOpen: new, found.permissions)
        for entry in try entries(of: old) {
            let name = try EntryName(entry.name)
            let kind = try status(name, at: old)
            if kind.isSymlink {
                try makeSymlink(try readLink(name, at: old), at: name, in: new)
            } else if kind.isDirectory {
                try makeDirectory(name, at: new)
                let source = try open(name, [.read, .directory, .noFollow], at: old)
                let target = try open(name, [.read, .directory, .noFollow], at: new)
                try copy(from: source.raw, to: target.raw)
            } else if kind.isRegular {
                let file = try open(name, [.read, .noFollow, .nonBlocking], at: old)
                try makeFile(name, try readToEnd(file.raw, limit: largest), mode: 0o600, at: new)
                let copy = try open(name, .pathOnly, at: new)
                try give(copy.raw, kind)
                try chmod(ofOpen: copy.raw, kind.permissions)
            }
        }
    }
}
