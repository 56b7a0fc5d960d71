import CLinux
package import Linux

/// The file tree of the container, as far as the environment phase looks at it.
package protocol RootFiles {
    /// A whole file; `EOVERFLOW` beyond `limit` bytes.
    func read(_ path: [UInt8], limit: Int) throws(Errno) -> [UInt8]
    /// The first bytes of a file, fewer if it is shorter.
    func head(_ path: [UInt8], count: Int) throws(Errno) -> [UInt8]
    /// Names in a directory, sorted by bytes, without `.` and `..`; nil if it cannot be read.
    func list(_ directory: [UInt8]) -> [[UInt8]]?
    /// What the path leads to; symlinks are followed.
    func status(_ path: [UInt8]) throws(Errno) -> FileStatus
    /// What is there itself.
    func isSymlink(_ path: [UInt8]) -> Bool
    /// access(2): 4 read, 2 write, 1 execute.
    func permits(_ path: [UInt8], _ mode: Int32) -> Bool
}

/// The tree that this process sees: in the child, after pivot_root, the container itself.
package struct CurrentRoot: RootFiles {
    /// Put before absolute paths: a directory that stands for the root in tests and tools. Empty in the child.
    private let prefix: String

    package init(prefix: String = "") { self.prefix = prefix }

    private func path(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        return bytes.first == ShellByte.slash ? prefix + text : text
    }

    package func read(_ path: [UInt8], limit: Int) throws(Errno) -> [UInt8] {
        let file = try open(self.path(path), O_RDONLY | O_NONBLOCK)
        let found = try Linux.status(of: file.raw)
        if found.isDirectory { throw .isDirectory }
        guard found.isRegular else { throw .invalidArgument }
        guard found.size <= Int64(limit) else { throw .overflow }
        return try readBytes(file.raw, at: 0, count: Int(found.size))
    }

    package func head(_ path: [UInt8], count: Int) throws(Errno) -> [UInt8] {
        let file = try open(self.path(path), O_RDONLY | O_NONBLOCK)
        guard try Linux.status(of: file.raw).isRegular else { throw .invalidArgument }
        return try readBytes(file.raw, at: 0, count: count)
    }

    package func list(_ directory: [UInt8]) -> [[UInt8]]? {
        do throws(Errno) {
            let folder = try open(path(directory), O_RDONLY | O_DIRECTORY)
            return try entries(of: folder.raw).map(\.name)
        } catch {
            return nil
        }
    }

    package func status(_ path: [UInt8]) throws(Errno) -> FileStatus { try Linux.status(self.path(path)) }

    package func isSymlink(_ path: [UInt8]) -> Bool {
        do throws(Errno) { return try Linux.status(self.path(path), follow: false).isSymlink } catch { return false }
    }

    package func permits(_ path: [UInt8], _ mode: Int32) -> Bool { isAccessible(self.path(path), mode) }
}

extension RootFiles {
    package func isRegular(_ path: String) -> Bool {
        do throws(Errno) { return try status(Array(path.utf8)).isRegular } catch { return false }
    }

    func isDirectory(_ path: String) -> Bool {
        do throws(Errno) { return try status(Array(path.utf8)).isDirectory } catch { return false }
    }

    package func isExecutable(_ path: String) -> Bool { permits(Array(path.utf8), X_OK) }
}
