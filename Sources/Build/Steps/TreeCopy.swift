import CLinux
import Linux

/// Copies files and directories into the image. Every target is taken inside of it, whatever links a base image has.
struct TreeCopy {
    enum Manner {
        /// As `cp -fLr`: links are followed, files belong to who builds, times are now.
        case contents
        /// As `cp -a` below the path that is named: links, owners, modes, times and attributes stay.
        case everything
    }

    struct Failure: Error {
        let path: [UInt8]
        let reason: Errno
    }

    let source: SourceTree
    let root: RootTree
    let manner: Manner
    /// Names of files with several, by device and inode.
    private var seen: [FileIdentity: [UInt8]] = [:]
    /// Directories that are being copied: a link to one of them has no end.
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
        // Hard links are those of one tree, as a tar of it would have them.
        seen = [:]
        try copy(from, to: target, follow: true)
    }

    private mutating func copy(_ from: [UInt8], to target: [UInt8], follow: Bool) throws(Failure) {
        do throws(Errno) {
            let file = try source.open(from, SKL_O_PATH | (follow ? 0 : O_NOFOLLOW))
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
            let folder = try source.open(from, O_RDONLY | O_DIRECTORY | (follow ? 0 : O_NOFOLLOW))
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
            let folder = try source.open(from, SKL_O_PATH | (follow ? 0 : O_NOFOLLOW))
            try keep(kind, folder.raw, target)
        } catch {
            throw Failure(path: from, reason: error)
        }
    }

    /// A name in a directory of the image that is held open.
    private struct Place: ~Copyable {
        let folder: OwnedFD
        let bytes: [UInt8]
        let name: PathBytes
    }

    private func place(_ target: [UInt8]) throws(Errno) -> Place {
        let slash = target.lastIndex(of: 0x2F) ?? target.startIndex
        let path = Array(target[..<slash])
        let folder = try root.open(path.isEmpty ? [0x2F] : path, SKL_O_PATH | O_DIRECTORY)
        let bytes = Array(target[slash...].drop { $0 == 0x2F })
        return Place(folder: folder, bytes: bytes, name: try PathBytes(bytes))
    }

    private func makeDirectory(_ target: [UInt8], _ kind: FileStatus) throws(Errno) {
        if let old = try? root.open(target, SKL_O_PATH) {
            guard try status(of: old.raw).isDirectory else { throw .notDirectory }
            return
        }
        let place = try place(target)
        try Linux.makeDirectory(place.name, mode: kind.permissions | 0o700, at: place.folder.raw)
    }

    private mutating func linkAgain(_ kind: FileStatus, _ target: [UInt8]) throws(Errno) -> Bool {
        guard manner == .everything, kind.links > 1 else { return false }
        guard let first = seen[FileIdentity(kind)] else {
            seen[FileIdentity(kind)] = target
            return false
        }
        let old = try place(first)
        let new = try place(target)
        try? unlink(new.name, at: new.folder.raw)
        try makeHardLink(old.name, from: old.folder.raw, at: new.name, in: new.folder.raw)
        return true
    }

    private func copyFile(_ from: [UInt8], _ kind: FileStatus, _ file: CInt, to target: [UInt8]) throws(Errno) {
        if kind.isRegular { return try copyBytes(from, kind, to: target) }
        let place = try place(target)
        if let old = try? status(place.name, at: place.folder.raw) {
            if old.isDirectory { throw .isDirectory }
            try unlink(place.name, at: place.folder.raw)
        }
        if kind.isSymlink {
            let text = try readLink(PathBytes([]), at: file)
            return try makeSymlink(try PathBytes(text), at: place.name, in: place.folder.raw)
        }
        try makeNode(place.name, mode: kind.mode, device: dev_t(kind.rawDevice), at: place.folder.raw)
    }

    private func copyBytes(_ from: [UInt8], _ kind: FileStatus, to target: [UInt8]) throws(Errno) {
        let input = try source.open(from, O_RDONLY)
        let output = try outputFile(target, mode: kind.permissions & 0o777)
        try copySparse(from: input.raw, to: output.raw, size: kind.size)
        try output.close()
    }

    /// An existing file that cannot be written is replaced, as by `cp -f`. A copy of everything writes through no link.
    private func outputFile(_ target: [UInt8], mode: mode_t) throws(Errno) -> OwnedFD {
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        if manner == .contents {
            do throws(Errno) {
                return try root.open(target, flags, mode: mode)
            } catch {
                guard error == .accessDenied || error == Errno(ETXTBSY) else { throw error }
            }
        }
        let place = try place(target)
        do throws(Errno) {
            try unlink(place.name, at: place.folder.raw)
        } catch {
            if error != .noSuchFile { throw error }
        }
        return try root.open(target, flags | O_EXCL, mode: mode)
    }

    /// Owner first: chown(2) takes setuid bits and file capabilities away.
    private func keep(_ kind: FileStatus, _ file: CInt, _ target: [UInt8]) throws(Errno) {
        guard manner == .everything else { return }
        let place = try place(target)
        do throws(Errno) {
            try chown(place.name, kind.uid, kind.gid, at: place.folder.raw)
        } catch {
            // In a namespace of one user all files belong to that one.
            if error != .notPermitted && error != .invalidArgument { throw error }
        }
        if !kind.isSymlink { try chmod(place.name, kind.permissions, at: place.folder.raw) }
        try keepAttributes(file, place.bytes, place.folder.raw)
        try setTimes(place.name, seconds: kind.modified, at: place.folder.raw)
    }

    private func keepAttributes(_ file: CInt, _ name: [UInt8], _ folder: CInt) throws(Errno) {
        let real = Array(try readLink("/proc/self/fd/\(file)").utf8)
        let top = try Linux.open("/", SKL_O_PATH | O_DIRECTORY)
        for (key, value) in try readXattrs(of: Array(real.drop { $0 == 0x2F }), at: top.raw) {
            do throws(Errno) {
                try setXattr(try PathBytes(key), value, of: name, at: folder)
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
