import CLinux
import CSquashfs
import Core
import Linux

/// Walks the tree once: reads names, attributes and content. A directory's files come before its directories, all in the
/// order of their names, so that equal trees give equal images.
struct TreeScan {
    typealias Adjust = (inout TreeEntry) throws(SkiffError) -> Bool
    typealias Report = (SquashfsWriter.Progress) throws(SkiffError) -> Void

    private let root: CInt
    private let image: OutputImage
    private let content: ContentWriter
    private let records: InodeRecords
    /// Records of files with several names by device and inode.
    private var linked: [FileIdentity: Int] = [:]
    private var progress = SquashfsWriter.Progress()
    /// The latest time in the image.
    private(set) var newest: UInt32 = 0

    private struct FileIdentity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    init(root: CInt, image: OutputImage, content: ContentWriter, records: InodeRecords) {
        (self.root, self.image, self.content, self.records) = (root, image, content, records)
    }

    /// - Returns: every directory before those in it; the first is the root.
    mutating func run(_ adjust: Adjust, _ report: Report) throws(SkiffError) -> [ScannedDirectory] {
        let this: [UInt8] = [0x2E]
        var top = try entry(path: [], name: this, in: root)
        guard top.status.isDirectory else { throw SkiffError("cannot write the image: the source is no directory") }
        _ = try adjust(&top)
        var directories: [ScannedDirectory] = []
        let record = try records.append(try makeRecord(top))
        var pending = [(path: [UInt8](), directory: ScannedDirectory(record: record, parent: record))]
        while let next = pending.popLast() {
            let path = next.path
            var directory = next.directory
            let descriptor = try openDirectory(path)
            let below = try read(path, &directory, descriptor.raw, adjust, report)
            directories.append(directory)
            pending.append(contentsOf: below.reversed())
        }
        return directories
    }

    /// Adds the entries of one directory; answers the directories among them.
    private mutating func read(
        _ path: [UInt8], _ directory: inout ScannedDirectory, _ descriptor: CInt, _ adjust: Adjust, _ report: Report
    ) throws(SkiffError) -> [(path: [UInt8], directory: ScannedDirectory)] {
        let names = try during("cannot read directory \(quoted(path))") { () throws(Errno) in
            try entries(of: descriptor).map(\.name)
        }
        var below: [(path: [UInt8], directory: ScannedDirectory)] = []
        for name in names {
            let child = path.isEmpty ? name : path + [0x2F] + name
            var entry = try entry(path: child, name: name, in: descriptor)
            guard try adjust(&entry) else { continue }
            let record = try add(entry, name, descriptor, report)
            directory.entries.append((name, record))
            if records[record].isDirectory {
                below.append((child, ScannedDirectory(record: record, parent: directory.record)))
            }
        }
        return below
    }

    /// A name longer than the kernel takes in one call is walked in parts.
    private func openDirectory(_ path: [UInt8]) throws(SkiffError) -> OwnedFD {
        try during("cannot open directory \(quoted(path))") { () throws(Errno) in
            let flags = O_RDONLY | O_DIRECTORY
            var rest = path[...]
            var current = try open(".", flags, at: root)
            while !rest.isEmpty {
                var end = rest.endIndex
                if rest.count > 4000 {
                    guard let slash = rest.prefix(4000).lastIndex(of: 0x2F) else { throw .nameTooLong }
                    end = slash
                }
                current = try open(
                    PathBytes(Array(rest[..<end])), flags, in: current.raw, resolve: [.beneath, .noSymlinks])
                rest = rest[end...].drop { $0 == 0x2F }
            }
            return current
        }
    }

    private func entry(path: [UInt8], name: [UInt8], in directory: CInt) throws(SkiffError) -> TreeEntry {
        try during("cannot look at \(quoted(path))") { () throws(Errno) in
            let facts = try status(PathBytes(name), at: directory)
            var entry = TreeEntry(
                path: path, status: facts, mode: facts.mode, uid: facts.uid, gid: facts.gid, modified: facts.modified,
                device: facts.rawDevice)
            if facts.isSymlink { entry.target = try readLink(PathBytes(name), at: directory) }
            entry.xattrs = try readXattrs(of: name, at: directory).filter { Self.isKept($0.name) }
                .map { TreeEntry.Xattr(name: $0.name, value: $0.value) }
            return entry
        }
    }

    /// Labels of a security module say how the host confines a file: they are wrong anywhere else.
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
        let index = try records.append(try makeRecord(entry))
        if hasNames { linked[identity] = index }
        if !isDirectory {
            // Shared before it is filled, so that whatever happens it is freed with the records.
            let place = UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>.allocate(capacity: 1)
            place.initialize(to: nil)
            records[index].place = place
            try fill(place, entry, name, directory, report)
        }
        progress.entries += 1
        try report(progress)
        return index
    }

    private mutating func makeRecord(_ entry: TreeEntry) throws(SkiffError) -> InodeRecord {
        var time = UInt32(clamping: entry.modified)
        if let latest = image.options.latestTime { time = min(time, latest) }
        newest = max(newest, time)
        return InodeRecord(
            mode: UInt16(truncatingIfNeeded: entry.mode),
            userIndex: try identity(image.options.allRoot ? 0 : entry.uid),
            groupIndex: try identity(image.options.allRoot ? 0 : entry.gid), modified: time, xattrs: try xattrs(entry))
    }

    private func identity(_ id: UInt32) throws(SkiffError) -> UInt16 {
        var index: UInt16 = 0
        let status = sqfs_id_table_id_to_index(image.identities.pointer, id, &index)
        if SQFS_ERROR(status) == SQFS_ERROR_OVERFLOW {
            throw SkiffError("cannot write the image: its files have more than 65536 different owners")
        }
        try image.file.check(status)
        return index
    }

    private func xattrs(_ entry: TreeEntry) throws(SkiffError) -> UInt32 {
        var index = InodeRecord.none
        guard image.options.xattrs == .standard, !entry.xattrs.isEmpty else { return index }
        let writer = image.xattrs.pointer
        try image.file.check(sqfs_xattr_writer_begin(writer, 0))
        for attribute in entry.xattrs.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
            let name = attribute.name.map { CChar(bitPattern: $0) } + [0]
            try image.file.check(sqfs_xattr_writer_add(writer, name, attribute.value, attribute.value.count))
        }
        try image.file.check(sqfs_xattr_writer_end(writer, &index))
        return index
    }

    private mutating func fill(
        _ place: UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>, _ entry: TreeEntry,
        _ name: [UInt8], _ directory: CInt, _ report: Report
    ) throws(SkiffError) {
        if entry.mode & SKL_S_IFMT == SKL_S_IFREG {
            guard entry.status.isRegular else {
                throw SkiffError("cannot write \(quoted(entry.path)): it is no regular file and cannot become one")
            }
            return try readContent(place, entry, name, directory, report)
        }
        place.pointee = SpecialInode.make(entry)
        if place.pointee == nil { throw SkiffError("cannot write \(quoted(entry.path))", errno: .noMemory) }
    }

    private mutating func readContent(
        _ place: UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>, _ entry: TreeEntry,
        _ name: [UInt8], _ directory: CInt, _ report: Report
    ) throws(SkiffError) {
        let file = try openFile(entry, name, directory)
        var progress = self.progress
        defer { self.progress = progress }
        do throws(ContentWriter.Failure) {
            try content.write(file.raw, size: entry.status.size, to: place) { count throws(SkiffError) in
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

    /// The very file that was looked at.
    private func openFile(_ entry: TreeEntry, _ name: [UInt8], _ directory: CInt) throws(SkiffError) -> OwnedFD {
        let file = try opened(entry, name, directory)
        let now = try during("cannot look at \(quoted(entry.path))") { () throws(Errno) in try status(of: file.raw) }
        guard now.inode == entry.status.inode, now.device == entry.status.device, now.size == entry.status.size else {
            throw SkiffError("cannot read \(quoted(entry.path)): it changed while it was read")
        }
        return file
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
            return try openPath(name, O_RDONLY | O_NONBLOCK, directory)
        } catch {
            guard error == .accessDenied, entry.status.uid == effectiveUID() else { throw error }
        }
        return try openOwn(name, entry.status, directory)
    }

    private func openPath(_ name: [UInt8], _ flags: CInt, _ directory: CInt) throws(Errno) -> OwnedFD {
        try open(PathBytes(name), flags | O_NOFOLLOW, in: directory, resolve: [.beneath, .noSymlinks])
    }

    /// Files that not even their owner may read are usual in images: `sudo` and `/etc/shadow` of Fedora. The owner may
    /// allow it, for the moment of opening, on the very inode that the descriptor names.
    private func openOwn(_ name: [UInt8], _ facts: FileStatus, _ directory: CInt) throws(Errno) -> OwnedFD {
        let place = try openPath(name, SKL_O_PATH, directory)
        guard try status(of: place.raw).inode == facts.inode else { throw .accessDenied }
        let path = "/proc/self/fd/\(place.raw)"
        try chmod(path, facts.permissions | 0o400)
        defer { try? chmod(path, facts.permissions) }
        return try open(path, O_RDONLY | O_NONBLOCK)
    }

    private func quoted(_ path: [UInt8]) -> String { "/" + String(decoding: path, as: UTF8.self) }
}
