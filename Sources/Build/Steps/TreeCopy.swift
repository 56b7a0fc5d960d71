import CLinux
import Linux
import Packing

/// Copies files and directories into the image. No link of a base image leads a copy out of it.
struct TreeCopy {
    enum Manner {
        /// As `cp -fLr`: links are followed, the files belong to the builder, and their times are now.
        case contents
        /// As `cp -a`: links, owners, modes, times and attributes are kept below the path that is named.
        case everything
    }

    struct Failure: Error {
        let path: [UInt8]
        let reason: Errno
    }

    let source: SourceTree
    let root: RootTree
    let manner: Manner
    /// The copies of files that have several names, by device and inode.
    private var seen: [FileIdentity: [UInt8]] = [:]
    /// Directories that are being copied. Following a link to one of them would never end.
    private var open: [FileIdentity] = []

    private struct FileIdentity: Hashable {
        let device: UInt64
        let inode: UInt64
        init(_ status: FileStatus) { (device, inode) = (status.device, status.inode) }
    }

    init(source: SourceTree, root: RootTree, manner: Manner) {
        (self.source, self.root, self.manner) = (source, root, manner)
    }

    /// Copies one path, which is followed if it is a link. The target's parent exists.
    mutating func copy(_ from: [UInt8], to target: [UInt8]) throws(Failure) {
        // Hard links are kept within one tree, as tar keeps them.
        seen = [:]
        try copy(from, to: target, follow: true)
    }

    private mutating func copy(_ from: [UInt8], to target: [UInt8], follow: Bool) throws(Failure) {
        do throws(Errno) {
            let file = try source.open(from, .pathOnly, follow: follow)
            let kind = try status(of: file.raw)
            if kind.isDirectory {
                try makeDirectory(target, kind)
            } else if try !linkAgain(kind, target) {
                try copyFile(from, kind, file.raw, to: target)
            }
            guard kind.isDirectory else { return try keep(kind, file.raw, target) }
        } catch {
            throw Failure(path: from, reason: error)
        }
        try copyEntries(from, to: target, follow)
    }

    private mutating func copyEntries(_ from: [UInt8], to target: [UInt8], _ follow: Bool) throws(Failure) {
        let kind: FileStatus
        let names: [[UInt8]]
        do throws(Errno) {
            let folder = try source.open(from, [.read, .directory], follow: follow)
            kind = try status(of: folder.raw)
            guard !open.contains(FileIdentity(kind)) else { throw .tooManySymlinks }
            names = try entries(of: folder.raw).map(\.name)
        } catch {
            throw Failure(path: from, reason: error)
        }
        open.append(FileIdentity(kind))
        for name in names {
            try copy(from + [0x2F] + name, to: target + [0x2F] + name, follow: manner == .contents)
        }
        open.removeLast()
        do throws(Errno) {
            let folder = try source.open(from, .pathOnly, follow: follow)
            try keep(kind, folder.raw, target)
        } catch {
            throw Failure(path: from, reason: error)
        }
    }

    /// Returns the open parent of a target, which exists, and the target's name in it.
    private func place(_ target: [UInt8]) throws(Errno) -> TreePlace { try root.top.place(TreePath(target)) }

    private func makeDirectory(_ target: [UInt8], _ kind: FileStatus) throws(Errno) {
        if let old = try? root.open(TreePath(target), .pathOnly) {
            guard try status(of: old.raw).isDirectory else { throw .notDirectory }
            return
        }
        let place = try place(target)
        try Linux.makeDirectory(place.name, mode: kind.permissions | 0o700, at: place.directory.raw)
    }

    private mutating func linkAgain(_ kind: FileStatus, _ target: [UInt8]) throws(Errno) -> Bool {
        guard manner == .everything, kind.links > 1 else { return false }
        guard let first = seen[FileIdentity(kind)] else {
            seen[FileIdentity(kind)] = target
            return false
        }
        let old = try place(first)
        let new = try place(target)
        try? unlink(new.name, at: new.directory.raw)
        try makeHardLink(old.name, from: old.directory.raw, at: new.name, in: new.directory.raw)
        return true
    }

    private func copyFile(_ from: [UInt8], _ kind: FileStatus, _ file: CInt, to target: [UInt8]) throws(Errno) {
        if kind.isRegular { return try copyBytes(from, kind, to: target) }
        let place = try place(target)
        if let old = try? status(place.name, at: place.directory.raw) {
            if old.isDirectory { throw .isDirectory }
            try unlink(place.name, at: place.directory.raw)
        }
        if kind.isSymlink {
            return try makeSymlink(try readLink(ofOpen: file), at: place.name, in: place.directory.raw)
        }
        try makeNode(place.name, mode: kind.mode, device: dev_t(kind.rawDevice), at: place.directory.raw)
    }

    private func copyBytes(_ from: [UInt8], _ kind: FileStatus, to target: [UInt8]) throws(Errno) {
        let input = try source.open(from, [.read, .nonBlocking])
        let output = try outputFile(target, mode: kind.permissions & 0o777)
        try copySparse(from: input.raw, to: output.raw, size: kind.size)
        try output.close()
    }

    /// Opens the target for writing. A file that cannot be written is replaced, as by `cp -f`, and so is a link in a copy of
    /// everything.
    private func outputFile(_ target: [UInt8], mode: mode_t) throws(Errno) -> OwnedFD {
        if manner == .contents {
            do throws(Errno) {
                return try root.open(TreePath(target), [.write, .create, .truncate, .nonBlocking], mode: mode)
            } catch {
                guard error == .accessDenied || error == Errno(ETXTBSY) else { throw error }
            }
        }
        let place = try place(target)
        do throws(Errno) {
            try unlink(place.name, at: place.directory.raw)
        } catch {
            if error != .noSuchFile { throw error }
        }
        return try Linux.open(place.name, [.write, .create, .exclusive], mode: mode, at: place.directory.raw)
    }

    /// Owner first: chown(2) takes setuid bits and file capabilities away.
    private func keep(_ kind: FileStatus, _ file: CInt, _ target: [UInt8]) throws(Errno) {
        // The top of the image stays what it is.
        guard manner == .everything, !TreePath(target).components.isEmpty else { return }
        let place = try place(target)
        do throws(Errno) {
            try chown(place.name, kind.uid, kind.gid, at: place.directory.raw)
        } catch {
            // In a namespace of one user all files belong to that one.
            if error != .notPermitted && error != .invalidArgument { throw error }
        }
        if !kind.isSymlink { try chmod(place.name, kind.permissions, at: place.directory.raw) }
        try keepAttributes(file, place.name, place.directory.raw)
        try setTimes(place.name, seconds: kind.modified, at: place.directory.raw)
    }

    private func keepAttributes(_ file: CInt, _ name: EntryName, _ folder: CInt) throws(Errno) {
        for (key, value) in try readXattrs(ofOpen: file) {
            do throws(Errno) {
                try setXattr(key, value, of: name, at: folder)
            } catch {
                if error != .notPermitted && error != .notSupported { throw error }
            }
        }
    }
}

/// Copies a file's content, holes as holes. The output is empty.
func copySparse(from input: CInt, to output: CInt, size: Int64) throws(Errno) {
    var offset: Int64 = 0
    while let data = try nextData(input, from: offset), data < size {
        let end = try nextHole(input, from: data)
        offset = data
        while offset < end {
            let chunk = try readBytes(input, at: offset, count: Int(min(end - offset, 1 << 20)))
            if chunk.isEmpty { break }
            try writeFully(output, chunk, at: offset)
            offset += Int64(chunk.count)
        }
        if offset < end { break }
    }
    if offset < size { try ftruncate(output, size) }
}
