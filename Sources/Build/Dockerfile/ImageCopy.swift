import CLinux
import Dockerfile
import Linux
import Ownership
import Packing

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

    /// The copies of files that have several names.
    private var seen: [FileIdentity: [UInt8]] = [:]

    init(source: CopyTree, target: RootTree, owners: OwnerWriter) {
        (self.source, self.target, self.owners) = (source, target, owners)
    }

    /// Copies the whole tree into the root of an image, which is empty.
    mutating func copyTree() throws(Failure) { try copyEntries([], to: [], below: "", top: true) }

    /// Copies a file, or the content of a directory into a directory. Links on the way to it were followed before.
    ///
    /// - Parameters:
    ///   - path: absolute in the source.
    ///   - place: absolute in the image; its parent exists.
    mutating func copy(_ path: [UInt8], to place: [UInt8]) throws(Failure) {
        let kind = try failing(path) { () throws(Errno) in
            try source.status(path)
        }
        if kind.isDirectory {
            let isNew = !place.isEmpty && (try? target.open(TreePath(place), [.pathOnly, .directory])) == nil
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
            let opened = try source.open(path, .pathOnly)
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
                let opened = try source.open(path, .pathOnly)
                return try finish(kind, opened.raw, place)
            }
        } catch {
            throw Failure(path: path, reason: error)
        }
        try copyEntries(path, to: place, below: below, top: true)
    }

    // MARK: - Names

    private func place(_ path: [UInt8]) throws(Errno) -> TreePlace { try target.top.place(TreePath(path)) }

    /// A link to a directory counts as one, so that `/bin` of an image may be a link.
    private func makeDirectory(_ path: [UInt8]) throws(Errno) {
        if let old = try? target.open(TreePath(path), .pathOnly) {
            guard try status(of: old.raw).isDirectory else { throw .notDirectory }
            return
        }
        let place = try place(path)
        try Linux.makeDirectory(place.name, mode: 0o700, at: place.directory.raw)
    }

    /// Makes another name of a file that was copied, if both stay one file.
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
        try makeHardLink(old.name, from: old.directory.raw, at: new.name, in: new.directory.raw)
        return true
    }

    /// Removes what has the name, unless it is a directory.
    private func clear(_ place: borrowing TreePlace) throws(Errno) {
        guard let old = try? status(place.name, at: place.directory.raw) else { return }
        if old.isDirectory { throw .isDirectory }
        try unlink(place.name, at: place.directory.raw)
    }

    private func makeFile(_ path: [UInt8], _ kind: FileStatus, _ target: [UInt8]) throws(Errno) {
        let place = try place(target)
        try clear(place)
        if kind.isSymlink {
            let link = try source.open(path, .pathOnly)
            return try makeSymlink(try readLink(ofOpen: link.raw), at: place.name, in: place.directory.raw)
        }
        guard kind.isRegular else {
            return try makeNode(place.name, mode: kind.mode, device: dev_t(kind.rawDevice), at: place.directory.raw)
        }
        let input = try source.open(path, [.read, .nonBlocking])
        let output = try open(place.name, [.write, .create, .exclusive], mode: 0o600, at: place.directory.raw)
        try copySparse(from: input.raw, to: output.raw, size: kind.size)
        try output.close()
    }

    // MARK: - What files are

    /// On the very file that was made, whatever has its name by now.
    private func finish(_ kind: FileStatus, _ file: CInt, _ path: [UInt8]) throws(Errno) {
        let made = try target.open(TreePath(path), .pathOnly, links: .lastKept)
        if let owner = owner ?? (keepsOwners ? nil : (0, 0)) {
            try owners.set(owner.uid, owner.gid, ofOpen: made.raw)
        } else if !owners.hasRecords {
            try owners.set(kind.uid, kind.gid, ofOpen: made.raw)
        }
        if !kind.isSymlink {
            let permissions = mode?.applied(to: kind.permissions, isDirectory: kind.isDirectory) ?? kind.permissions
            try chmod(ofOpen: made.raw, permissions)
        }
        if keepsOwners { try keepAttributes(kind, file, made.raw) }
        try setTimes(ofOpen: made.raw, seconds: kind.modified)
    }

    /// Records of owners are attributes, too.
    private func keepAttributes(_ kind: FileStatus, _ file: CInt, _ made: CInt) throws(Errno) {
        let isSpecial = !kind.isRegular && !kind.isDirectory
        let record = isSpecial ? RecordedOwner.specialAttribute : RecordedOwner.attribute
        for (key, value) in try readXattrs(ofOpen: file) {
            if owner != nil, owners.hasRecords, key.elementsEqual(record.utf8) {
                guard let device = RecordedOwner(value, isSpecial: isSpecial)?.device, let owner else { continue }
                try RecordedOwner(uid: owner.uid, gid: owner.gid, device: device).write(made)
                continue
            }
            do throws(Errno) {
                try setXattr(key, value, ofOpen: made)
            } catch {
                if error != .notPermitted && error != .notSupported { throw error }
            }
        }
    }
}
