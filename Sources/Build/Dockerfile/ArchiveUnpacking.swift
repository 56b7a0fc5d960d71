import Archive
import CLinux
import Dockerfile
import Linux

/// ADD of a tar archive of the build context: what is in it goes into the destination. Names are taken inside the image,
/// whatever the archive says.
struct ArchiveUnpacking {
    let target: RootTree
    let owners: OwnerWriter
    /// `--chown`; owners are the archive's without it.
    var owner: (uid: UInt32, gid: UInt32)?
    var mode: FileModeChange?

    init(target: RootTree, owners: OwnerWriter) { (self.target, self.owners) = (target, owners) }

    /// - Parameters:
    ///   - file: open, read from its start.
    ///   - prepare: makes the destination; not called unless it is an archive.
    /// - Returns: false for a file that is no archive.
    func run(
        _ file: CInt, name: String, into destination: String, _ prepare: () throws(DockerfileProblem) -> Void
    ) throws(DockerfileProblem) -> Bool {
        let source = FileBytes(file)
        guard let reader = try? TarReader(source, isCompressed: true), let first = try? reader.next() else {
            return false
        }
        try prepare()
        var times: [(path: [UInt8], seconds: Int64)] = []
        do {
            var entry: TarEntry? = first
            while let current = entry {
                let path = try place(current.path, in: destination)
                try write(current, path, destination, reader)
                if current.kind == .directory { times.append((path, current.modified)) }
                entry = try reader.next()
            }
            // What was written into directories has changed their times.
            for (path, seconds) in times.reversed() { try setTime(path, seconds) }
        } catch let error as DockerfileProblem {
            throw error
        } catch let error as Errno {
            throw DockerfileProblem("cannot unpack \(name): \(error)")
        } catch {
            throw DockerfileProblem("cannot unpack \(name): \(error)")
        }
        return true
    }

    private func place(_ path: [UInt8], in destination: String) throws(DockerfileProblem) -> [UInt8] {
        let names = path.split(separator: 0x2F).filter { !$0.elementsEqual([0x2E]) }
        guard !names.contains(where: { $0.elementsEqual([0x2E, 0x2E]) }) else {
            throw DockerfileProblem("cannot unpack an archive with .. in the name \(path.text)")
        }
        let top = destination == "/" ? [] : Array(destination.utf8)
        return names.reduce(top) { $0 + [0x2F] + $1 }
    }

    private func write(_ entry: TarEntry, _ path: [UInt8], _ destination: String, _ reader: TarReader) throws {
        let slash = path.lastIndex(of: 0x2F) ?? 0
        let parent = Array(path[..<slash])
        let name = Array(path[slash...].dropFirst())
        // The destination itself, when the archive names it.
        guard !name.isEmpty else { return }
        try ImageDirectories(root: target, owners: owners).make(parent.text, uid: 0, gid: 0)
        let folder = try target.open(parent.isEmpty ? [0x2F] : parent, SKL_O_PATH | O_DIRECTORY)
        let bytes = try PathBytes(name)
        if let old = try? status(bytes, at: folder.raw), !(old.isDirectory && entry.kind == .directory) {
            if old.isDirectory { try removeTree(name.text, at: folder.raw) } else { try unlink(bytes, at: folder.raw) }
        }
        let (uid, gid) = owner ?? (entry.uid, entry.gid)
        switch entry.kind {
        case .directory:
            if (try? status(bytes, at: folder.raw)) == nil { try makeDirectory(bytes, mode: 0o700, at: folder.raw) }
        case .file: try writeFile(bytes, folder.raw, entry.size, reader)
        case .symlink(let text): try makeSymlink(try PathBytes(text), at: bytes, in: folder.raw)
        case .pipe: try makeNode(bytes, mode: SKL_S_IFIFO | 0o600, device: 0, at: folder.raw)
        case .hardLink(let other):
            // Permissions and owner are those of the first name.
            let old = try place(other, in: destination)
            let slash = old.lastIndex(of: 0x2F) ?? 0
            let from = try target.open(slash == 0 ? [0x2F] : Array(old[..<slash]), SKL_O_PATH | O_DIRECTORY)
            return try makeHardLink(
                try PathBytes(Array(old[slash...].dropFirst())), from: from.raw, at: bytes, in: folder.raw)
        case .character(let major, let minor):
            try owners.makeDevice(
                name, mode: 0o600, isBlock: false, major: major, minor: minor, uid: uid, gid: gid, at: folder.raw)
        case .block(let major, let minor):
            try owners.makeDevice(
                name, mode: 0o600, isBlock: true, major: major, minor: minor, uid: uid, gid: gid, at: folder.raw)
        }
        try finish(entry, name, folder.raw, uid, gid)
    }

    private func writeFile(_ name: PathBytes, _ folder: CInt, _ size: Int64, _ reader: TarReader) throws {
        let output = try open(
            name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600, in: folder, resolve: [.beneath, .noSymlinks])
        try reader.content { offset, bytes in try writeFully(output.raw, bytes, at: offset) }
        try ftruncate(output.raw, size)
        try output.close()
    }

    private func finish(_ entry: TarEntry, _ name: [UInt8], _ folder: CInt, _ uid: UInt32, _ gid: UInt32) throws {
        let bytes = try PathBytes(name)
        switch entry.kind {
        case .character, .block: break
        default: try owners.set(uid, gid, of: name, at: folder)
        }
        if case .symlink = entry.kind {
        } else {
            let given = UInt32(entry.permissions)
            let isDirectory = entry.kind == .directory
            try chmod(bytes, mode?.applied(to: given, isDirectory: isDirectory) ?? given, at: folder)
        }
        for xattr in entry.xattrs {
            // Attributes of ours in an archive of strangers would be owners that nobody gave.
            if xattr.name.starts(with: "user.skiff.".utf8) { continue }
            do throws(Errno) {
                try setXattr(try PathBytes(xattr.name), xattr.value, of: name, at: folder)
            } catch {
                if error != .notPermitted && error != .notSupported { throw error }
            }
        }
        try setTimes(bytes, seconds: entry.modified, at: folder)
    }

    private func setTime(_ path: [UInt8], _ seconds: Int64) throws(Errno) {
        let slash = path.lastIndex(of: 0x2F) ?? 0
        guard path.count > slash + 1 else { return }
        let folder = try target.open(slash == 0 ? [0x2F] : Array(path[..<slash]), SKL_O_PATH | O_DIRECTORY)
        try setTimes(try PathBytes(Array(path[(slash + 1)...])), seconds: seconds, at: folder.raw)
    }
}

/// The bytes of an open file, from its start.
private final class FileBytes: TarSource {
    private let file: CInt
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)

    init(_ file: CInt) { self.file = file }
    deinit { buffer.deallocate() }

    func next() throws -> UnsafeRawBufferPointer {
        let count = try read(file, into: buffer)
        return UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }
}
