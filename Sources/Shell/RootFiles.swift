import CLinux
package import Linux

/// The file tree of the container, as far as the environment phase looks at it.
package protocol RootFiles {
    /// Returns a whole file; `EOVERFLOW` beyond `limit` bytes.
    func read(_ path: [UInt8], limit: Int) throws(Errno) -> [UInt8]
    /// Bytes of a file, fewer if it is shorter.
    func bytes(_ path: [UInt8], at offset: Int64, count: Int) throws(Errno) -> [UInt8]
    /// Names in a directory, sorted by bytes, without `.` and `..`; nil if it cannot be read.
    func list(_ directory: [UInt8]) -> [[UInt8]]?
    /// Returns the status of what the path leads to, following symlinks.
    func status(_ path: [UInt8]) throws(Errno) -> FileStatus
    /// Looks at the path itself, without following it.
    func isSymlink(_ path: [UInt8]) -> Bool
    /// access(2): 4 read, 2 write, 1 execute.
    func permits(_ path: [UInt8], _ mode: CInt) -> Bool
}

extension RootFiles {
    /// The first bytes of a file, fewer if it is shorter.
    package func head(_ path: [UInt8], count: Int) throws(Errno) -> [UInt8] { try bytes(path, at: 0, count: count) }

    package func isRegular(_ path: String) -> Bool {
        do throws(Errno) { return try status(Array(path.utf8)).isRegular } catch { return false }
    }

    func isDirectory(_ path: String) -> Bool {
        do throws(Errno) { return try status(Array(path.utf8)).isDirectory } catch { return false }
    }

    package func isExecutable(_ path: String) -> Bool { permits(Array(path.utf8), X_OK) }
}

/// The container's own tree. Paths are resolved beneath the root and through no magic link: a script of the image
/// cannot make us read a descriptor that the caller left open.
package struct ContainerFiles: RootFiles {
    private let root: TreeRoot
    /// Where relative paths start: absolute.
    private let directory: TreePath

    package init(root: TreeRoot, directory: [UInt8]) {
        self.root = root
        self.directory = TreePath(directory)
    }

    private func absolute(_ path: [UInt8]) -> TreePath {
        path.first == ASCII.slash ? TreePath(path) : directory.appending(path)
    }

    /// A regular file, for reading.
    package func open(_ path: [UInt8]) throws(Errno) -> OwnedFD { try root.openRegular(absolute(path)) }

    package func read(_ path: [UInt8], limit: Int) throws(Errno) -> [UInt8] { try contents(of: open(path), limit) }

    package func bytes(_ path: [UInt8], at offset: Int64, count: Int) throws(Errno) -> [UInt8] {
        let file = try open(path)
        return try readBytes(file.raw, at: offset, count: count)
    }

    package func list(_ directory: [UInt8]) -> [[UInt8]]? { try? root.entries(absolute(directory)).map(\.name) }
    package func status(_ path: [UInt8]) throws(Errno) -> FileStatus { try root.status(absolute(path)) }

    package func isSymlink(_ path: [UInt8]) -> Bool {
        (try? root.status(absolute(path), links: .lastKept).isSymlink) ?? false
    }

    package func permits(_ path: [UInt8], _ mode: CInt) -> Bool {
        guard let file = try? root.open(absolute(path), .pathOnly) else { return false }
        return isAccessible(ofOpen: file.raw, mode)
    }
}

/// The files of the host, for an environment file that the caller names.
package struct HostFiles: RootFiles {
    package init() {}

    package func read(_ path: [UInt8], limit: Int) throws(Errno) -> [UInt8] { try contents(of: openFile(path), limit) }

    package func bytes(_ path: [UInt8], at offset: Int64, count: Int) throws(Errno) -> [UInt8] {
        let file = try openFile(path)
        return try readBytes(file.raw, at: offset, count: count)
    }

    package func list(_ directory: [UInt8]) -> [[UInt8]]? {
        guard let folder = try? open(HostPath(directory), [.read, .directory]) else { return nil }
        return try? entries(of: folder.raw).map(\.name)
    }

    package func status(_ path: [UInt8]) throws(Errno) -> FileStatus { try Linux.status(HostPath(path)) }

    package func isSymlink(_ path: [UInt8]) -> Bool {
        guard let link = try? open(HostPath(path), [.pathOnly, .noFollow]) else { return false }
        return (try? Linux.status(of: link.raw).isSymlink) ?? false
    }

    package func permits(_ path: [UInt8], _ mode: CInt) -> Bool {
        guard let file = try? open(HostPath(path), .pathOnly) else { return false }
        return isAccessible(ofOpen: file.raw, mode)
    }

    private func openFile(_ path: [UInt8]) throws(Errno) -> OwnedFD {
        let file = try open(HostPath(path), [.read, .nonBlocking])
        let kind = try Linux.status(of: file.raw)
        if kind.isDirectory { throw .isDirectory }
        guard kind.isRegular else { throw .invalidArgument }
        return file
    }
}

private func contents(of file: consuming OwnedFD, _ limit: Int) throws(Errno) -> [UInt8] {
    let size = try status(of: file.raw).size
    guard size <= Int64(limit) else { throw .overflow }
    return try readBytes(file.raw, at: 0, count: Int(size))
}
