import CLinux
import Dockerfile
import Linux
import Ownership

/// Copies files and directories between trees of images, or from the build context, as COPY does: links stay links, times
/// and permissions stay.
struct ImageCopy {
    struct Failure: Error {
        let path: [UInt8]
        let reason: Errno
    }

    let source: CopyTree
    let target: RootTree
    let owners: OwnerWriter
    /// Whether owners and attributes are those of the source; otherwise all belong to root.
    var keepsOwners = true
    /// `--chown`.
    var owner: (uid: UInt32, gid: UInt32)?
    /// `--chmod`.
    var mode: FileModeChange?
    /// `--exclude`, relative to the source that is copied.
    var excluded = IgnoreFile()

    private struct FileIdentity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// Names of files with several.
    private var seen: [FileIdentity: [UInt8]] = [:]

    init(source: CopyTree, target: RootTree, owners: OwnerWriter) {
        (self.source, self.target, self.owners) = (source, target, owners)
    }

    /// The whole tree onto the root of an image, which is empty.
    mutating func copyTree() throws(Failure) { try copyEntries([], to: [], below: "", top: true) }

    /// One file, or a directory's content into a directory. Links on the way were followed by who found it.
    ///
    /// - Parameters:
    ///   - path: absolute in the source.
    ///   - place: absolute in the image; its parent exists.
    mutating func copy(_ path: [UInt8], to place: [UInt8]) throws(Failure) {
        let kind = try failing(path) { () throws(Errno) in
            try source.status(path)
        }
        if kind.isDirectory {
            let isNew = !place.isEmpty && (try? target.open(place, SKL_O_PATH | O_DIRECTORY)) == nil
            if isNew { try failing(path) { () throws(Errno) in try makeDirectory(place) } }
            // Where the directory was there already, it stays what it is.
            return try copyEntries(path, to: place, below: "", top: isNew)
        }
        if excluded.ignores(lastName(path).text) { return }
        try copy(path, kind, to: place, below: lastName(path).text)
    }

    private func lastName(_ path: [UInt8]) -> [UInt8] { path.split(separator: 0x2F).last.map { Array($0) } ?? [] }

    private func failing<Value: ~Copyable>(_ path: [UInt8], _ body: () throws(Errno) -> Value) throws(Failure) -> Value
    {
        do throws(Errno) {
            return try body()
        } catch {
            throw Failure(path: path, reason: error)
        }
    }

    private mutating func copyEntries(_ path: [UInt8], to place: [UInt8], below: String, top: Bool) throws(Failure) {
        let names = try failing(path) { () throws(Errno) in try source.names(path) }
        for name in names {
            let child = path + [0x2F] + name
            let relative = below.isEmpty ? name.text : below + "/" + name.text
            let kind = try failing(child) { () throws(Errno) in
                try source.status(child)
            }
            guard source.includes(child, isDirectory: kind.isDirectory) else { continue }
            if excluded.ignores(relative), !(kind.isDirectory && excluded.mayReinclude) { continue }
            try copy(child, kind, to: place + [0x2F] + name, below: relative)
        }
        guard top else { return }
        try failing(path) { () throws(Errno) in
            let opened = try source.open(path, SKL_O_PATH | O_NOFOLLOW)
            try finish(try status(of: opened.raw), opened.raw, place)
        }
    }

    private mutating func copy(_ path: [UInt8], _ kind: FileStatus, to place: [UInt8], below: String) throws(Failure) {
        do throws(Errno) {
            if kind.isDirectory {
                try makeDirectory(place)
            } else if try !linkAgain(kind, place) {
                try makeFile(path, kind, place)
            } else {
                return
            }
            if !kind.isDirectory {
                let opened = try source.open(path, SKL_O_PATH | O_NOFOLLOW)
                return try finish(kind, opened.raw, place)
            }
        } catch {
            throw Failure(path: path, reason: error)
        }
        try copyEntries(path, to: place, below: below, top: true)
    }

    // MARK: - Names

    /// A name in a directory of the image that is held open.
    private struct Place: ~Copyable {
        let folder: OwnedFD
        let name: [UInt8]
        let path: PathBytes
    }

    private func place(_ path: [UInt8]) throws(Errno) -> Place {
        let slash = path.lastIndex(of: 0x2F) ?? path.startIndex
        let folder = try target.open(slash == 0 ? [0x2F] : Array(path[..<slash]), SKL_O_PATH | O_DIRECTORY)
        let name = Array(path[slash...].drop { $0 == 0x2F })
        // The root itself, seen from itself.
        return Place(
            folder: folder, name: name.isEmpty ? [0x2E] : name, path: try PathBytes(name.isEmpty ? [0x2E] : name))
    }

    /// A link that leads to a directory counts as one, so that `/bin` of an image may be a link.
    private func makeDirectory(_ path: [UInt8]) throws(Errno) {
        if let old = try? target.open(path, SKL_O_PATH) {
            guard try status(of: old.raw).isDirectory else { throw .notDirectory }
            return
        }
        let place = try place(path)
        try Linux.makeDirectory(place.path, mode: 0o700, at: place.folder.raw)
    }

    /// A second name of a file that was copied, when it stays the same file.
    private mutating func linkAgain(_ kind: FileStatus, _ path: [UInt8]) throws(Errno) -> Bool {
        guard keepsOwners, kind.links > 1 else { return false }
        let identity = FileIdentity(device: kind.device, inode: kind.inode)
        guard let first = seen[identity] else {
            seen[identity] = path
            return false
        }
        let old = try place(first)
        let new = try place(path)
        try clear(new)
        try makeHardLink(old.path, from: old.folder.raw, at: new.path, in: new.folder.raw)
        return true
    }

    /// Whatever has the name goes, unless it is a directory.
    private func clear(_ place: borrowing Place) throws(Errno) {
        guard let old = try? status(place.path, at: place.folder.raw) else { return }
        if old.isDirectory { throw .isDirectory }
        try unlink(place.path, at: place.folder.raw)
    }

    private func makeFile(_ path: [UInt8], _ kind: FileStatus, _ target: [UInt8]) throws(Errno) {
        let place = try place(target)
        try clear(place)
        if kind.isSymlink {
            let link = try source.open(path, SKL_O_PATH | O_NOFOLLOW)
            return try makeSymlink(
                try PathBytes(try readLink(PathBytes([]), at: link.raw)), at: place.path, in: place.folder.raw)
        }
        guard kind.isRegular else {
            return try makeNode(place.path, mode: kind.mode, device: dev_t(kind.rawDevice), at: place.folder.raw)
        }
        let input = try source.open(path, O_RDONLY | O_NOFOLLOW)
        let output = try open(
            place.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600, in: place.folder.raw,
            resolve: [.beneath, .noSymlinks])
        try copySparse(from: input.raw, to: output.raw, size: kind.size)
        try output.close()
    }

    // MARK: - What files are

    private func finish(_ kind: FileStatus, _ file: CInt, _ path: [UInt8]) throws(Errno) {
        let place = try place(path)
        if let owner = owner ?? (keepsOwners ? nil : (0, 0)) {
            try owners.set(owner.uid, owner.gid, of: place.name, at: place.folder.raw)
        } else if !owners.hasRecords {
            try owners.set(kind.uid, kind.gid, of: place.name, at: place.folder.raw)
        }
        if !kind.isSymlink {
            let permissions = mode?.applied(to: kind.permissions, isDirectory: kind.isDirectory) ?? kind.permissions
            try chmod(place.path, permissions, at: place.folder.raw)
        }
        if keepsOwners { try keepAttributes(kind, file, place) }
        try setTimes(place.path, seconds: kind.modified, at: place.folder.raw)
    }

    /// Records of owners are attributes, too.
    private func keepAttributes(_ kind: FileStatus, _ file: CInt, _ place: borrowing Place) throws(Errno) {
        let real = Array(try readLink("/proc/self/fd/\(file)").utf8)
        let top = try Linux.open("/", SKL_O_PATH | O_DIRECTORY)
        let isSpecial = !kind.isRegular && !kind.isDirectory
        let record = isSpecial ? RecordedOwner.specialAttribute : RecordedOwner.attribute
        for (key, value) in try readXattrs(of: Array(real.drop { $0 == 0x2F }), at: top.raw) {
            if owner != nil, owners.hasRecords, key.elementsEqual(record.utf8) {
                guard let device = RecordedOwner(value, isSpecial: isSpecial)?.device, let owner else { continue }
                try RecordedOwner(uid: owner.uid, gid: owner.gid, device: device).write(
                    place.name, at: place.folder.raw)
                continue
            }
            do throws(Errno) {
                try setXattr(try PathBytes(key), value, of: place.name, at: place.folder.raw)
            } catch {
                if error != .notPermitted && error != .notSupported { throw error }
            }
        }
    }
}
