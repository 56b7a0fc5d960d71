package import Base
package import CLinux
package import Linux

/// The root file system that is being built. Every path is taken inside of it: a symlink of a base image cannot lead a
/// write of ours to the host (openat2(2) RESOLVE_IN_ROOT).
package final class RootTree {
    /// On the host.
    package let path: String
    private let directory: OwnedFD

    /// Lent: the open directory.
    package var descriptor: CInt { directory.raw }

    package init(_ path: String) throws(SkiffError) {
        self.path = path
        directory = try during("cannot open \(path)") { () throws(Errno) in
            try Linux.open(path, O_RDONLY | O_DIRECTORY)
        }
    }

    private func inside(_ path: String, _ flags: CInt, mode: mode_t = 0) throws(Errno) -> OwnedFD {
        try Linux.open(path, flags, mode: mode, in: descriptor, resolve: [.inRoot, .noMagicLinks])
    }

    /// Names as the bytes they are.
    package func open(_ path: [UInt8], _ flags: CInt, mode: mode_t = 0) throws(Errno) -> OwnedFD {
        try Linux.open(try PathBytes(path), flags, mode: mode, in: descriptor, resolve: [.inRoot, .noMagicLinks])
    }

    package func exists(_ path: String) -> Bool { (try? inside(path, SKL_O_PATH)) != nil }

    package func status(_ path: String) -> FileStatus? {
        guard let file = try? inside(path, SKL_O_PATH) else { return nil }
        return try? Linux.status(of: file.raw)
    }

    /// A whole file; nil when there is none.
    package func read(_ path: String, limit: Int = 16 << 20) -> [UInt8]? {
        guard let file = try? openRegular(path, in: descriptor) else { return nil }
        return try? readToEnd(file.raw, limit: limit)
    }

    /// The directory, made with its parents where it is missing; an O_PATH descriptor.
    @discardableResult
    package func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(SkiffError) -> OwnedFD {
        try during("cannot make directory \(path) in the image") { () throws(Errno) in try directory(path, mode) }
    }

    private func directory(_ path: String, _ mode: mode_t) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try inside(path, SKL_O_PATH | O_DIRECTORY)
        } catch {
            guard error == .noSuchFile, path != "/" else { throw error }
        }
        let parent = try directory(parentPath(path) ?? "/", 0o755)
        try Linux.makeDirectory(lastComponent(path), mode: mode, at: parent.raw)
        // mkdir(2) takes the umask away.
        try chmod(lastComponent(path), mode, at: parent.raw)
        return try inside(path, SKL_O_PATH | O_DIRECTORY)
    }

    package func write(_ path: String, _ bytes: [UInt8], mode: mode_t) throws(SkiffError) {
        try during("cannot write \(path) in the image") { () throws(Errno) in
            _ = try directory(parentPath(path) ?? "/", 0o755)
            let file = try created(path, mode)
            try writeFully(file.raw, bytes)
            try Linux.fchmod(file.raw, mode)
            try file.close()
        }
    }

    private func created(_ path: String, _ mode: mode_t) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try inside(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
        } catch {
            guard error == .noSuchFile else { throw error }
        }
        // A symbolic link to nowhere, as /etc/resolv.conf often is one: the file takes its place.
        let parent = try inside(parentPath(path) ?? "/", SKL_O_PATH | O_DIRECTORY)
        try unlink(lastComponent(path), at: parent.raw)
        return try inside(path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    }

    package func write(_ path: String, _ text: String, mode: mode_t) throws(SkiffError) {
        try write(path, Array(text.utf8), mode: mode)
    }

    /// A symbolic link. One that points elsewhere is replaced, a file or directory stays.
    package func link(_ path: String, to target: String) throws(SkiffError) {
        try during("cannot link \(path) in the image") { () throws(Errno) in
            let parent = try directory(parentPath(path) ?? "/", 0o755)
            let name = lastComponent(path)
            if let old = try? Linux.status(name, at: parent.raw, follow: false) {
                guard old.isSymlink, try readLink(name, at: parent.raw) != target else { return }
                try unlink(name, at: parent.raw)
            }
            try makeSymlink(target, at: name, in: parent.raw)
        }
    }

    package func remove(_ path: String) throws(SkiffError) {
        try during("cannot remove \(path) from the image") { () throws(Errno) in
            do throws(Errno) {
                let parent = try inside(parentPath(path) ?? "/", SKL_O_PATH | O_DIRECTORY)
                try removeTree(lastComponent(path), at: parent.raw)
            } catch {
                if error != .noSuchFile { throw error }
            }
        }
    }
}
