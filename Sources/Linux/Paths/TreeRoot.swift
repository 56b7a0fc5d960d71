package import CLinux

/// The top directory of a foreign tree, held open: the only door to a `TreePath`.
///
/// A class, because the parts of a build and of a launch share one.
package final class TreeRoot: Sendable {
    private let directory: OwnedFD
    private let method: TreeLookup.Method

    /// The open directory, lent. For calls on the directory itself, not for lookups below it.
    package var descriptor: CInt { directory.raw }

    /// - Parameter directory: an open directory, O_PATH or not.
    package convenience init(adopting directory: consuming OwnedFD) { self.init(directory, TreeLookup.method) }

    init(_ directory: consuming OwnedFD, _ method: TreeLookup.Method) {
        self.directory = directory
        self.method = method
    }

    package convenience init(_ path: HostPath) throws(Errno) {
        self.init(adopting: try Linux.open(path, [.pathOnly, .directory]))
    }

    /// Opens the file that a path leads to inside the tree.
    ///
    /// A file from an untrusted source may be a FIFO or a device, whose open(2) can wait for ever or have effects:
    /// unless its kind is known, open it with `.nonBlocking` and check it, or with `.pathOnly`.
    package func open(
        _ path: TreePath, _ flags: OpenFlags, mode: mode_t = 0, links: TreeLinks = .followed
    ) throws(Errno) -> OwnedFD {
        try TreeLookup(path: path, flags: flags, mode: mode, links: links).open(in: descriptor, method)
    }

    package func status(_ path: TreePath, links: TreeLinks = .followed) throws(Errno) -> FileStatus {
        let file = try open(path, .pathOnly, links: links)
        return try Linux.status(of: file.raw)
    }

    /// Returns whether a path leads to something.
    package func exists(_ path: TreePath, links: TreeLinks = .followed) -> Bool {
        (try? open(path, .pathOnly, links: links)) != nil
    }

    /// Returns the content of a regular file.
    /// - Throws: `EISDIR`; `ENXIO` for what is neither file nor directory; `EOVERFLOW` beyond `limit` bytes.
    package func readFile(_ path: TreePath, limit: Int = 64 << 20) throws(Errno) -> [UInt8] {
        let file = try openRegular(path)
        return try readToEnd(file.raw, limit: limit)
    }

    /// Opens a regular file for reading. Any other kind of file is refused before it is opened: a pipe would make us
    /// wait for its other end, and some devices act when they are opened. If the file is exchanged in between,
    /// O_NONBLOCK keeps us from waiting.
    /// - Throws: `EISDIR`; `ENXIO` for what is neither file nor directory.
    package func openRegular(_ path: TreePath, links: TreeLinks = .followed) throws(Errno) -> OwnedFD {
        try Self.checkRegular(status(path, links: links))
        let file = try open(path, [.read, .nonBlocking, .noControllingTerminal], links: links)
        try Self.checkRegular(Linux.status(of: file.raw))
        return file
    }

    private static func checkRegular(_ kind: FileStatus) throws(Errno) {
        if kind.isDirectory { throw .isDirectory }
        guard kind.isRegular else { throw .noDeviceOrAddress }
    }

    /// Returns the target of a symbolic link.
    /// - Throws: `EINVAL` for any other file.
    package func readLink(_ path: TreePath) throws(Errno) -> [UInt8] {
        let link = try open(path, .pathOnly, links: .lastKept)
        guard try Linux.status(of: link.raw).isSymlink else { throw .invalidArgument }
        return try Linux.readLink(ofOpen: link.raw)
    }

    /// Returns the names in a directory, sorted by bytes.
    package func entries(_ path: TreePath, links: TreeLinks = .followed) throws(Errno) -> [DirectoryEntry] {
        let directory = try open(path, [.read, .directory], links: links)
        return try Linux.entries(of: directory.raw)
    }

    /// Finds the directory that holds the last name of a path; the name itself need not exist and is not looked at.
    /// - Throws: `EINVAL` where the path ends with `..`, or is the top.
    package func place(_ path: TreePath, links: TreeLinks = .followed) throws(Errno) -> TreePlace {
        let name = try EntryName(path.lastName)
        let parent = path.parent ?? (path.isAbsolute ? "/" : "")
        return TreePlace(try open(parent, [.pathOnly, .directory], links: links), name)
    }

    /// Returns the directory, created with its parents where it is missing; O_PATH. A link counts as what it leads to:
    /// a dangling one stays, and the directory that it names is created.
    package func makeDirectories(_ path: TreePath, mode: mode_t = 0o755) throws(Errno) -> OwnedFD {
        try makeDirectories(path, mode, links: Self.mostLinks)
    }

    /// As many as the kernel follows in one path; path_resolution(7).
    private static let mostLinks = 40

    private func makeDirectories(_ path: TreePath, _ mode: mode_t, links: Int) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try open(path, [.pathOnly, .directory])
        } catch {
            guard error == .noSuchFile else { throw error }
        }
        let parent = path.parent ?? (path.isAbsolute ? "/" : "")
        guard !path.lastName.isEmpty, parent != path else { throw .noSuchFile }
        _ = try makeDirectories(parent, mode, links: links)
        let place = try place(path)
        if let target = try? Linux.readLink(place.name, at: place.directory.raw) {
            guard links > 0 else { throw .tooManySymlinks }
            return try makeDirectories(
                target.first == ASCII.slash ? TreePath(target) : parent.appending(target), mode, links: links - 1)
        }
        do throws(Errno) {
            try makeDirectory(place.name, mode: mode, at: place.directory.raw)
            // mkdir(2) applies the umask.
            try chmod(place.name, mode, at: place.directory.raw)
        } catch {
            // Another process was faster.
            if error != .exists { throw error }
        }
        return try open(path, [.pathOnly, .directory])
    }

    /// Removes a file, or a directory with everything in it. A missing file is no error.
    package func remove(_ path: TreePath) throws(Errno) {
        do throws(Errno) {
            let place = try place(path)
            try removeTree(place.name, at: place.directory.raw)
        } catch {
            if error != .noSuchFile { throw error }
        }
    }

    /// Returns where an open file lies in the tree: its path in /proc, relative to that of the top.
    /// - Throws: `EXDEV` for a file outside.
    package func path(ofOpen file: CInt) throws(Errno) -> TreePath {
        let top = HostPath(try Linux.readLink(ofProcess: descriptor))
        let full = HostPath(try Linux.readLink(ofProcess: file))
        guard full.isAbsolute, full.lies(in: top) else { throw .crossDevice }
        return full.components.dropFirst(top.components.count).reduce("/") { $0.appending($1) }
    }
}

/// A name in a directory of a foreign tree. The directory is held open, so the place stays the same between two calls.
package struct TreePlace: ~Copyable {
    package let directory: OwnedFD
    package let name: EntryName

    package init(_ directory: consuming OwnedFD, _ name: EntryName) {
        self.directory = directory
        self.name = name
    }
}
