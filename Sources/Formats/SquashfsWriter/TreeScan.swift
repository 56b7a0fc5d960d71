import Base
import CLinux
import CSquashfs
import Linux

/// Walks the tree once: reads names, attributes and content. A directory's files come before its directories, all in the
/// order of their names, so that equal trees give equal images.
struct TreeScan {
    typealias Adjust = (inout TreeEntry) throws(SkiffError) -> Bool
    typealias Report = (SquashfsWriter.Progress) throws(SkiffError) -> Void

    private let root: TreeRoot
    private let changes: TreeChanges
    private let image: OutputImage
    private let content: ContentWriter
    private let records: InodeRecords
    /// Records of files with several names by device and inode.
    private var linked: [FileIdentity: Int] = [:]
    private var progress = SquashfsWriter.Progress()
    private var maker: RecordMaker
    /// The latest time in the image.
    var newest: UInt32 { maker.newest }

    private struct FileIdentity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// A directory whose entries are to be read.
    private struct Pending {
        let path: [UInt8]
        /// Not in the tree.
        var isAdded = false
        var directory: ScannedDirectory
    }

    init(root: TreeRoot, changes: TreeChanges, image: OutputImage, content: ContentWriter, records: InodeRecords) {
        (self.root, self.changes, self.image, self.content, self.records) = (root, changes, image, content, records)
        maker = RecordMaker(image)
    }

    /// - Returns: every directory before those in it; the first is the root.
    mutating func run(_ adjust: Adjust, _ report: Report) throws(SkiffError) -> [ScannedDirectory] {
        var top = try during("cannot look at the directory") { () throws(Errno) in
            try entry(path: [], .open(root.descriptor))
        }
        guard top.status.isDirectory else { throw SkiffError("cannot write the image: the source is no directory") }
        _ = try adjust(&top)
        var directories: [ScannedDirectory] = []
        let record = try records.append(try makeRecord(top))
        var pending = [Pending(path: [], directory: ScannedDirectory(record: record, parent: record))]
        while var next = pending.popLast() {
            let below = try read(&next, adjust, report)
            directories.append(next.directory)
            pending.append(contentsOf: below.reversed())
        }
        return directories
    }

    private mutating func read(_ place: inout Pending, _ adjust: Adjust, _ report: Report) throws(SkiffError)
        -> [Pending]
    {
        if place.isAdded { return try read(&place, nil, adjust, report) }
        guard let descriptor = try found(place.path, { () throws(SkiffError) in try openDirectory(place.path) }) else {
            return []
        }
        return try read(&place, descriptor.raw, adjust, report)
    }

    /// Adds the entries of one directory and returns the directories among them.
    private mutating func read(_ place: inout Pending, _ descriptor: CInt?, _ adjust: Adjust, _ report: Report)
        throws(SkiffError) -> [Pending]
    {
        var names: [[UInt8]] = []
        if let descriptor {
            names = try during("cannot read directory \(quoted(place.path))") { () throws(Errno) in
                try entries(of: descriptor).map(\.name)
            }
        }
        let changes = changes.below(place.path)
        if !changes.isEmpty {
            names = (names.filter { changes[$0] == nil } + changes.filter { $0.value.kind != .gone }.keys)
                .sorted { $0.lexicographicallyPrecedes($1) }
        }
        var below: [Pending] = []
        for name in names {
            let child = place.path.isEmpty ? name : place.path + [0x2F] + name
            let record: Int
            if let change = changes[name] {
                record = try add(change)
            } else if let descriptor,
                let added = try found(
                    child,
                    { () throws(SkiffError) in
                        try add(child, name, in: descriptor, adjust, report)
                    })
            {
                guard let added else { continue }
                record = added
            } else {
                continue
            }
            place.directory.entries.append((name, record))
            if records[record].isDirectory {
                below.append(
                    Pending(
                        path: child, isAdded: changes[name] != nil,
                        directory: ScannedDirectory(record: record, parent: place.directory.record)))
            }
        }
        return below
    }

    /// Runs `body` on a path. Returns nil, with a warning, when it has been removed since its name was read: the tree
    /// may be in use.
    private func found<Result: ~Copyable>(_ path: [UInt8], _ body: () throws(SkiffError) -> Result) throws(SkiffError)
        -> Result?
    {
        do throws(SkiffError) {
            return try body()
        } catch {
            guard error.errno == .noSuchFile else { throw error }
            Log.warning("\(quoted(path)) was removed while the tree was read: it is left out")
            return nil
        }
    }

    /// Adds an entry of the tree; returns nil for one that is left out of the image.
    private mutating func add(
        _ path: [UInt8], _ name: [UInt8], in directory: CInt, _ adjust: Adjust, _ report: Report
    ) throws(SkiffError) -> Int? {
        var entry = try entry(path: path, name: name, in: directory)
        guard try adjust(&entry) else { return nil }
        return try add(entry, name, directory, report)
    }

    /// Adds something that is not in the tree.
    private mutating func add(_ change: TreeChanges.Change) throws(SkiffError) -> Int {
        let type: UInt32
        switch change.kind {
        case .directory: type = SKL_S_IFDIR
        case .link: type = SKL_S_IFLNK
        case .file, .gone: type = SKL_S_IFREG
        }
        let mode = type | change.permissions
        let index = try records.append(
            try maker.make(mode: mode, uid: 0, gid: 0, modified: change.modified, xattrs: []))
        progress.entries += 1
        if case .directory = change.kind { return index }
        let place = UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>.allocate(capacity: 1)
        place.initialize(to: nil)
        records[index].place = place
        switch change.kind {
        case .file(let bytes):
            try content.begin(place)
            try content.append(bytes)
            try content.end()
        case .link(let target):
            place.pointee = SpecialInode.make(mode: mode, device: 0, target: target)
            if place.pointee == nil { throw SkiffError("cannot write the image", errno: .noMemory) }
        case .directory, .gone: break
        }
        return index
    }

    private func openDirectory(_ path: [UInt8]) throws(SkiffError) -> OwnedFD {
        try during("cannot open directory \(quoted(path))") { () throws(Errno) in
            try root.open(TreePath(path), [.read, .directory], links: .refused)
        }
    }

    private func entry(path: [UInt8], name: [UInt8], in directory: CInt) throws(SkiffError) -> TreeEntry {
        try during("cannot look at \(quoted(path))") { () throws(Errno) in
            let name = try EntryName(name)
            var entry = try entry(path: path, .name(name, in: directory))
            if entry.status.isSymlink { entry.target = try readLink(name, at: directory) }
            return entry
        }
    }

    private func entry(path: [UInt8], _ file: AttributeTarget) throws(Errno) -> TreeEntry {
        let facts = try file.status()
        var entry = TreeEntry(
            path: path, status: facts, mode: facts.mode, uid: facts.uid, gid: facts.gid, modified: facts.modified,
            device: facts.rawDevice)
        entry.xattrs = try file.xattrs().filter { Self.isKept($0.name) }
            .map { TreeEntry.Xattr(name: $0.name, value: $0.value) }
        return entry
    }

    /// Returns whether an attribute is kept. Labels of a security module say how the host confines a file, so they are
    /// wrong anywhere else.
    private static func isKept(_ name: [UInt8]) -> Bool {
        name.starts(with: "user.".utf8) || name.starts(with: "trusted.".utf8)
            || name.elementsEqual("security.capability".utf8)
    }

    private mutating func add(_ entry: TreeEntry, _ name: [UInt8], _ directory: CInt, _ report: Report)
        throws(SkiffError) -> Int
    {
        let isDirectory = entry.mode & SKL_S_IFMT == SKL_S_IFDIR
        guard isDirectory == entry.status.isDirectory else {
            throw SkiffError("cannot write \(quoted(entry.path)): a directory stays one, and nothing else becomes one")
        }
        let identity = FileIdentity(device: entry.status.device, inode: entry.status.inode)
        let hasNames = entry.status.links > 1 && !isDirectory
        if hasNames, let known = linked[identity] {
            records[known].links += 1
            return known
        }
        // Opened before there is a record of it, which could not be undone.
        let file = entry.mode & SKL_S_IFMT == SKL_S_IFREG ? try content(of: entry, name, directory) : nil
        let index = try records.append(try makeRecord(entry))
        if hasNames { linked[identity] = index }
        if !isDirectory {
            // Handed to the records before it is filled, so that it is freed with them whatever happens.
            let place = UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>.allocate(capacity: 1)
            place.initialize(to: nil)
            records[index].place = place
            if let file {
                try readContent(place, entry, file, report)
            } else {
                place.pointee = SpecialInode.make(mode: entry.mode, device: entry.device, target: entry.target)
                if place.pointee == nil { throw SkiffError("cannot write \(quoted(entry.path))", errno: .noMemory) }
            }
        }
        progress.entries += 1
        try report(progress)
        return index
    }

    private mutating func makeRecord(_ entry: TreeEntry) throws(SkiffError) -> InodeRecord {
        try maker.make(mode: entry.mode, uid: entry.uid, gid: entry.gid, modified: entry.modified, xattrs: entry.xattrs)
    }

    private func content(of entry: TreeEntry, _ name: [UInt8], _ directory: CInt) throws(SkiffError) -> OwnedFD {
        guard entry.status.isRegular else {
            throw SkiffError("cannot write \(quoted(entry.path)): it is no regular file and cannot become one")
        }
        return try opened(entry, name, directory)
    }

    private mutating func readContent(
        _ place: UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>, _ entry: TreeEntry,
        _ file: borrowing OwnedFD, _ report: Report
    ) throws(SkiffError) {
        let size = try size(of: file.raw, entry)
        var progress = self.progress
        defer { self.progress = progress }
        do throws(ContentWriter.Failure) {
            try content.write(file.raw, size: size, to: place) { count throws(SkiffError) in
                progress.bytes += Int64(count)
                try report(progress)
            }
        } catch {
            switch error {
            case .reading(let errno): throw SkiffError("cannot read \(quoted(entry.path))", errno: errno)
            case .changed: throw SkiffError("cannot read \(quoted(entry.path)): it changed while it was read")
            case .other(let error): throw error
            }
        }
    }

    /// Returns the current size of the very file that was looked at. It may have grown since, as a log does.
    private func size(of file: CInt, _ entry: TreeEntry) throws(SkiffError) -> Int64 {
        let now = try during("cannot look at \(quoted(entry.path))") { () throws(Errno) in try status(of: file) }
        guard now.inode == entry.status.inode, now.device == entry.status.device, now.isRegular else {
            throw SkiffError("cannot read \(quoted(entry.path)): it changed while it was read")
        }
        return now.size
    }

    private func opened(_ entry: TreeEntry, _ name: [UInt8], _ directory: CInt) throws(SkiffError) -> OwnedFD {
        do throws(Errno) {
            return try openReadable(entry, name, directory)
        } catch {
            throw SkiffError(
                "cannot open \(quoted(entry.path))", errno: error,
                hint: error == .accessDenied ? "Build as root to pack the files of others" : nil)
        }
    }

    private func openReadable(_ entry: TreeEntry, _ name: [UInt8], _ directory: CInt) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try open(EntryName(name), [.read, .nonBlocking], at: directory)
        } catch {
            guard error == .accessDenied, entry.status.uid == effectiveUID() else { throw error }
        }
        return try openOwn(name, entry.status, directory)
    }

    /// Opens a file that not even its owner may read, such as `sudo` and `/etc/shadow` of Fedora. The owner allows it
    /// for the moment of opening, on the very inode that the descriptor names.
    private func openOwn(_ name: [UInt8], _ facts: FileStatus, _ directory: CInt) throws(Errno) -> OwnedFD {
        let place = try open(EntryName(name), .pathOnly, at: directory)
        guard try status(of: place.raw).inode == facts.inode else { throw .accessDenied }
        try chmod(ofOpen: place.raw, facts.permissions | 0o400)
        defer { try? chmod(ofOpen: place.raw, facts.permissions) }
        return try reopen(place.raw, [.read, .nonBlocking])
    }

    private func quoted(_ path: [UInt8]) -> String { "/" + String(bytes: path) }
}
