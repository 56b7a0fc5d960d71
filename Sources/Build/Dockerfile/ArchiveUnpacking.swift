import Archive
import Base
import CLinux
import Dockerfile
import Linux
import Packing

/// ADD of a tar archive of the build context: what is in it goes into the destination. No name of the archive leads out of
/// the image.
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
        let reader: TarReader
        do throws(SkiffError) {
            reader = try TarReader(source, isCompressed: true)
        } catch {
            throw DockerfileProblem("cannot look into \(name): \(error.description)")
        }
        guard let first = try? reader.next() else { return false }
        try prepare()
        var times: [(path: TreePath, seconds: Int64)] = []
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

    private func place(_ path: [UInt8], in destination: String) throws(DockerfileProblem) -> TreePath {
        let names = TreePath(path).components
        guard !names.contains([ASCII.dot, ASCII.dot]) else {
            throw DockerfileProblem("cannot unpack an archive with .. in the name \(TreePath(path))")
        }
        return names.reduce(TreePath(destination)) { $0.appending($1) }
    }

    private func write(_ entry: TarEntry, _ path: TreePath, _ destination: String, _ reader: TarReader) throws {
        // The destination itself, when the archive names it.
        guard !path.components.isEmpty else { return }
        try ImageDirectories(root: target, owners: owners).make(path.parent ?? "/", uid: 0, gid: 0)
        let place = try target.top.place(path)
        let (name, folder) = (place.name, place.directory.raw)
        if let old = try? status(name, at: folder), !(old.isDirectory && entry.kind == .directory) {
            if old.isDirectory { try removeTree(name, at: folder) } else { try unlink(name, at: folder) }
        }
        let (uid, gid) = owner ?? (entry.uid, entry.gid)
        switch entry.kind {
        case .directory:
            if (try? status(name, at: folder)) == nil { try makeDirectory(name, mode: 0o700, at: folder) }
        case .file: try writeFile(name, folder, entry.size, reader)
        case .symlink(let text): try makeSymlink(text, at: name, in: folder)
        case .pipe: try makeNode(name, mode: SKL_S_IFIFO | 0o600, device: 0, at: folder)
        case .hardLink(let other):
            // Permissions and owner are those of the first name.
            let old = try target.top.place(try self.place(other, in: destination))
            return try makeHardLink(old.name, from: old.directory.raw, at: name, in: folder)
        case .character(let major, let minor):
            try owners.makeDevice(
                name, mode: 0o600, isBlock: false, major: major, minor: minor, uid: uid, gid: gid, at: folder)
        case .block(let major, let minor):
            try owners.makeDevice(
                name, mode: 0o600, isBlock: true, major: major, minor: minor, uid: uid, gid: gid, at: folder)
        }
        try finish(entry, name, folder, uid, gid)
    }

    private func writeFile(_ name: EntryName, _ folder: CInt, _ size: Int64, _ reader: TarReader) throws {
        let output = try open(name, [.write, .create, .exclusive], mode: 0o600, at: folder)
        try reader.content { offset, bytes in try writeFully(output.raw, bytes, at: offset) }
        try ftruncate(output.raw, size)
        try output.close()
    }

    private func finish(_ entry: TarEntry, _ name: EntryName, _ folder: CInt, _ uid: UInt32, _ gid: UInt32) throws {
        switch entry.kind {
        case .character, .block: break
        default: try owners.set(uid, gid, of: name, at: folder)
        }
        if case .symlink = entry.kind {
        } else {
            let given = UInt32(entry.permissions)
            let isDirectory = entry.kind == .directory
            try chmod(name, mode?.applied(to: given, isDirectory: isDirectory) ?? given, at: folder)
        }
        for xattr in entry.xattrs {
            // Our attributes in a foreign archive would be owners that nobody gave.
            if xattr.name.starts(with: "user.skiff.".utf8) { continue }
            do throws(Errno) {
                try setXattr(xattr.name, xattr.value, of: name, at: folder)
            } catch {
                if error != .notPermitted && error != .notSupported { throw error }
            }
        }
        try setTimes(name, seconds: entry.modified, at: folder)
    }

    private func setTime(_ path: TreePath, _ seconds: Int64) throws(Errno) {
        if path.components.isEmpty { return }
        let place = try target.top.place(path)
        try setTimes(place.name, seconds: seconds, at: place.directory.raw)
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
