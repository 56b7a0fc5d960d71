import CLinux

/// Removes a file, or a directory with everything in it, and follows no symbolic link. A directory without permissions
/// is given them first. A file that is already gone is no error.
package func removeTree(_ name: EntryName, at directory: CInt) throws(Errno) {
    try removeTree(path: name.bytes, at: directory)
}

/// - Parameter path: of the host.
package func removeTree(_ path: String, at directory: CInt = atCurrentDirectory) throws(Errno) {
    try removeTree(path: path.bytes, at: directory)
}

private func removeTree(path: [UInt8], at directory: CInt) throws(Errno) {
    do throws(Errno) {
        _ = try checked(path) { unlinkat(directory, $0, 0) }
        return
    } catch {
        if error == .noSuchFile { return }
        // EPERM: what Linux answers for a directory on some file systems; unlink(2).
        guard error == .isDirectory || error == .notPermitted else { throw error }
    }
    let flags = OpenFlags([.pathOnly, .directory, .noFollow]).value
    let opened: OwnedFD
    do throws(Errno) {
        opened = OwnedFD(adopting: try checked(path) { skl_openat(directory, $0, flags, 0) })
    } catch {
        // It is no directory, then: the refusal was about the file itself.
        throw error == .notDirectory ? .notPermitted : error
    }
    try TreeRemoval(opened).run()
    _ = try checked(path) { unlinkat(directory, $0, AT_REMOVEDIR) }
}

/// Empties a directory. Only one descriptor is held however deep the tree is: the way back up is `..`, which must lead
/// to the very directory that the walk came from, or a part of the tree has been moved.
private struct TreeRemoval: ~Copyable {
    private struct Level {
        let device: UInt64
        let inode: UInt64
        /// The directories left in it; the last is the one being emptied.
        var directories: [EntryName]
    }

    private var current: OwnedFD
    private var levels: [Level] = []

    init(_ top: consuming OwnedFD) { current = top }

    consuming func run() throws(Errno) {
        try enter()
        while !levels.isEmpty {
            if let next = levels[levels.count - 1].directories.last {
                do throws(Errno) {
                    current = try open(next, [.pathOnly, .directory], at: current.raw)
                } catch {
                    guard error == .noSuchFile else { throw error }
                    levels[levels.count - 1].directories.removeLast()
                    continue
                }
                try enter()
            } else {
                levels.removeLast()
                if !levels.isEmpty { try leave() }
            }
        }
    }

    /// Removes everything but directories from the current one, and notes the directories.
    private mutating func enter() throws(Errno) {
        let found = try status(of: current.raw)
        // A mode of 0500 or 0000 is common in images; the owner may still remove the directory.
        if found.permissions & 0o700 != 0o700 { try? chmod(ofOpen: current.raw, found.permissions | 0o700) }
        let directory = current.raw
        let listed = OwnedFD(
            adopting: try checked { skl_openat(directory, ".", OpenFlags([.read, .directory]).value, 0) })
        var level = Level(device: found.device, inode: found.inode, directories: [])
        for entry in try entries(of: listed.raw) {
            let name = try EntryName(entry.name)
            if try !removeFile(name, isDirectory: entry.type == UInt8(DT_DIR)) { level.directories.append(name) }
        }
        levels.append(level)
    }

    /// - Returns: false for a directory.
    private func removeFile(_ name: EntryName, isDirectory: Bool) throws(Errno) -> Bool {
        if isDirectory { return false }
        do throws(Errno) {
            try unlink(name, at: current.raw)
        } catch {
            if error == .noSuchFile { return true }
            guard error == .isDirectory || error == .notPermitted else { throw error }
            guard try status(name, at: current.raw).isDirectory else { throw error }
            return false
        }
        return true
    }

    /// Goes back to the directory above, and removes the empty one from it.
    private mutating func leave() throws(Errno) {
        let above = current.raw
        current = OwnedFD(
            adopting: try checked { skl_openat(above, "..", OpenFlags([.pathOnly, .directory]).value, 0) })
        let found = try status(of: current.raw)
        var level = levels.removeLast()
        guard found.device == level.device, found.inode == level.inode else { throw .crossDevice }
        if let name = level.directories.popLast() {
            do throws(Errno) {
                try removeDirectory(name, at: current.raw)
            } catch {
                if error != .noSuchFile { throw error }
            }
        }
        levels.append(level)
    }
}
