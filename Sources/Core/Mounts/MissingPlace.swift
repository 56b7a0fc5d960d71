import Linux

/// Where a path that leads to nothing would be in a tree: the deepest directory that exists, and the names below it
/// that are missing. A dangling symbolic link leads to the place that it names, inside the tree.
struct MissingPlace: ~Copyable {
    let directory: OwnedFD
    let names: [EntryName]

    private init(_ directory: consuming OwnedFD, _ names: [EntryName]) {
        self.directory = directory
        self.names = names
    }

    /// Returns nil when the path leads to something, or to nothing that could be made: below a file, or through `..` of
    /// a missing name.
    static func find(_ path: TreePath, in root: TreeRoot) throws(Errno) -> MissingPlace? {
        var known = path
        var missing: [[UInt8]] = []
        var linksLeft = 40
        while true {
            if let found = try existing(known, root) {
                guard !missing.isEmpty, try status(of: found.raw).isDirectory,
                    !missing.contains([ASCII.dot, ASCII.dot])
                else { return nil }
                var names: [EntryName] = []
                for name in missing { names.append(try EntryName(name)) }
                return MissingPlace(found, names)
            }
            let name = known.lastName
            guard !name.isEmpty else { throw .noSuchFile }
            let parent = known.parent ?? "/"
            if let target = try? root.readLink(known) {
                linksLeft -= 1
                if linksLeft < 0 { throw .tooManySymlinks }
                known = target.first == ASCII.slash ? TreePath(target) : parent.appending(target)
            } else {
                if name != [ASCII.dot] { missing.insert(name, at: 0) }
                known = parent
            }
        }
    }

    private static func existing(_ path: TreePath, _ root: TreeRoot) throws(Errno) -> OwnedFD? {
        do throws(Errno) {
            return try root.open(path, .pathOnly)
        } catch {
            if error == .noSuchFile { return nil }
            throw error
        }
    }

    /// What the last name becomes.
    enum Entry: Equatable {
        case directory, file
        case link(to: [UInt8])
    }

    /// Makes what is missing: directories, and the entry as the last name.
    /// - Parameter isOwn: asked about each directory before anything is made in it.
    /// - Throws: `EROFS` where `isOwn` says no.
    consuming func make(_ entry: Entry, in isOwn: (CInt) throws(Errno) -> Bool) throws(Errno) {
        var directory = self.directory
        for (index, name) in names.enumerated() {
            guard try isOwn(directory.raw) else { throw .readOnlyFilesystem }
            if index == names.count - 1 {
                switch entry {
                case .directory: break
                case .file: return try makeFile(name, [], mode: 0o644, at: directory.raw)
                case .link(let target): return try makeSymlink(target, at: name, in: directory.raw)
                }
            }
            try makeDirectory(name, at: directory.raw)
            directory = try open(name, [.pathOnly, .directory], at: directory.raw)
        }
    }
}
