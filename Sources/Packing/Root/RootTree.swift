package import Base
package import Linux

/// The root file system that is being built. Every path is resolved inside it: a symlink of a base image cannot lead a
/// write of ours to the host (openat2(2) RESOLVE_IN_ROOT).
package final class RootTree {
    /// Its path on the host.
    package let path: String
    /// Resolves paths in it and opens its files.
    package let top: TreeRoot

    /// The open directory, lent.
    package var descriptor: CInt { top.descriptor }

    package init(_ path: String) throws(SkiffError) {
        self.path = path
        top = try during("cannot open \(path)") { () throws(Errno) in
            TreeRoot(adopting: try Linux.open(HostPath(path), [.read, .directory]))
        }
    }

    package func open(
        _ path: TreePath, _ flags: OpenFlags, mode: UInt32 = 0, links: TreeLinks = .followed
    ) throws(Errno) -> OwnedFD {
        try top.open(path, flags, mode: mode, links: links)
    }

    package func exists(_ path: String) -> Bool { top.exists(TreePath(path)) }

    package func status(_ path: String) -> FileStatus? { try? top.status(TreePath(path)) }

    /// Returns a whole file, or nil when there is none.
    package func read(_ path: String, limit: Int = 16 << 20) -> [UInt8]? {
        try? top.readFile(TreePath(path), limit: limit)
    }

    /// Returns an O_PATH descriptor of the directory, made with its parents where it is missing.
    @discardableResult
    package func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(SkiffError) -> OwnedFD {
        try during("cannot make directory \(path) in the image") { () throws(Errno) in
            try top.makeDirectories(TreePath(path), mode: mode)
        }
    }

    package func write(_ path: String, _ bytes: [UInt8], mode: UInt32) throws(SkiffError) {
        try during("cannot write \(path) in the image") { () throws(Errno) in
            _ = try top.makeDirectories(TreePath(path).parent ?? "/")
            let file = try created(TreePath(path), mode)
            try writeFully(file.raw, bytes)
            try Linux.fchmod(file.raw, mode)
            try file.close()
        }
    }

    private func created(_ path: TreePath, _ mode: UInt32) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            // A pipe of a base image must not make the build wait.
            let file = try open(path, [.write, .create, .truncate, .nonBlocking], mode: mode)
            guard try Linux.status(of: file.raw).isRegular else { throw .invalidArgument }
            return file
        } catch {
            guard error == .noSuchFile else { throw error }
        }
        // A symbolic link that leads to nothing, as /etc/resolv.conf often is: the file takes its place.
        let place = try top.place(path)
        try unlink(place.name, at: place.directory.raw)
        return try Linux.open(place.name, [.write, .create, .exclusive], mode: mode, at: place.directory.raw)
    }

    package func write(_ path: String, _ text: String, mode: UInt32) throws(SkiffError) {
        try write(path, text.bytes, mode: mode)
    }

    /// Makes a symbolic link. One that points elsewhere is replaced, a file or directory stays.
    package func link(_ path: String, to target: String) throws(SkiffError) {
        try during("cannot link \(path) in the image") { () throws(Errno) in
            _ = try top.makeDirectories(TreePath(path).parent ?? "/")
            let place = try top.place(TreePath(path))
            let (name, parent) = (place.name, place.directory.raw)
            if let old = try? Linux.status(name, at: parent) {
                guard old.isSymlink, try readLink(name, at: parent) != target.bytes else { return }
                try unlink(name, at: parent)
            }
            try makeSymlink(target.bytes, at: name, in: parent)
        }
    }

    package func remove(_ path: String) throws(SkiffError) {
        try during("cannot remove \(path) from the image") { () throws(Errno) in try top.remove(TreePath(path)) }
    }
}
