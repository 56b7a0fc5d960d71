import CLinux
package import Linux
package import Ownership

/// What is taken over from an image when it is extracted, besides content, permissions, times and hard links.
package struct ExtractionOptions: Sendable {
    package enum Xattrs: Sendable { case none, user, all }
    /// Owners, which takes CAP_CHOWN over all of them.
    package var owners: Bool
    /// Device nodes, which takes CAP_MKNOD in the first user namespace. Pipes and sockets are always made.
    package var devices: Bool
    package var xattrs: Xattrs
    /// What is kept as records on the files (`RecordedOwner`), for root of a user namespace, whatever the three above say.
    package var records: RecordKeeping

    package init(
        owners: Bool = false, devices: Bool = false, xattrs: Xattrs = .user, records: RecordKeeping = .nothing
    ) {
        (self.owners, self.devices, self.xattrs, self.records) = (owners, devices, xattrs, records)
    }
}

/// What an extraction did and what it left out; paths are relative to the root.
package struct ExtractionReport: Sendable {
    package internal(set) var files = 0
    /// Devices that were not asked for or not permitted.
    package internal(set) var devicesLeftOut: [[UInt8]] = []
    /// How many extended attributes the target's file system or the kernel refused.
    package internal(set) var xattrsLeftOut = 0
}

/// An extraction stopped at `path` because the target could not be written, or the image not be read.
package struct ExtractionError: Error, Sendable {
    package enum Reason: Sendable {
        case write(Errno)
        case image(SquashfsError)
    }
    package let path: [UInt8]
    package let reason: Reason
}

extension SquashfsReader {
    /// Writes the whole tree into an empty directory that nobody else writes to. What was written stays when it fails;
    /// the caller removes the directory.
    /// - Parameter target: a descriptor of the directory, opened for reading.
    package func extract(to target: CInt, _ options: ExtractionOptions = ExtractionOptions())
        throws(ExtractionError) -> ExtractionReport
    {
        var extraction = Extraction(reader: self, target: target, options: options)
        do throws(SquashfsError) {
            let root = try root()
            extraction.pending = [([], root)]
            extraction.seen = [root.reference]
        } catch {
            throw ExtractionError(path: [], reason: .image(error))
        }
        while let (path, directory) = extraction.pending.popLast() { try extraction.fill(path, directory) }
        // Permissions and times of directories last: a directory without write permission could not be filled, and
        // filling changes the times.
        for (path, directory) in extraction.finished.reversed() { try extraction.finish(path, directory) }
        return extraction.report
    }
}

private struct Extraction {
    let reader: SquashfsReader
    let target: CInt
    let options: ExtractionOptions
    var report = ExtractionReport()
    var pending: [(path: [UInt8], inode: Inode)] = []
    var finished: [(path: [UInt8], inode: Inode)] = []
    var seen: Set<InodeReference> = []
    /// The first name of every file that has several.
    private var firstNames: [InodeReference: PathBytes] = [:]

    init(reader: SquashfsReader, target: CInt, options: ExtractionOptions) {
        (self.reader, self.target, self.options) = (reader, target, options)
    }

    /// Runs one step; says for which path it failed.
    private func step<Value: ~Copyable>(_ path: [UInt8], _ body: () throws -> Value) throws(ExtractionError) -> Value {
        do {
            return try body()
        } catch let error as SquashfsError {
            throw ExtractionError(path: path, reason: .image(error))
        } catch let error as Errno {
            throw ExtractionError(path: path, reason: .write(error))
        } catch {
            throw ExtractionError(path: path, reason: .write(.ioError))
        }
    }

    /// Makes the entries of one directory. Directories in it are made empty and filled later, so that one descriptor is
    /// open at a time, however deep the tree.
    mutating func fill(_ path: [UInt8], _ directory: Inode) throws(ExtractionError) {
        let place = try step(path) { try openDirectory(path) }
        var cursor = try step(path) { try reader.entries(of: directory) }
        var below: [(path: [UInt8], inode: Inode)] = []
        while let entry = try step(path, { try cursor.next() }) {
            let child = path.isEmpty ? entry.name : path + [0x2F] + entry.name
            let inode = try step(child) { try reader.inode(entry.inode) }
            try make(inode, name: entry.name, path: child, in: place.raw)
            guard inode.isDirectory else { continue }
            guard seen.insert(inode.reference).inserted else {
                throw ExtractionError(path: child, reason: .image(.corrupt(.directoryLoop)))
            }
            below.append((child, inode))
        }
        finished.append((path, directory))
        pending.append(contentsOf: below.reversed())
    }

    private func openDirectory(_ path: [UInt8]) throws(Errno) -> OwnedFD {
        let name = try PathBytes(path.isEmpty ? [0x2E] : path)
        return try open(name, O_RDONLY | O_DIRECTORY, in: target, resolve: [.beneath, .noSymlinks])
    }

    private mutating func make(_ inode: Inode, name: [UInt8], path: [UInt8], in place: CInt) throws(ExtractionError) {
        report.files += 1
        let entry = try step(path) { try PathBytes(name) }
        if inode.links > 1, !inode.isDirectory {
            if let first = firstNames[inode.reference] {
                return try step(path) { try makeHardLink(first, from: target, at: entry, in: place) }
            }
            firstNames[inode.reference] = try step(path) { try PathBytes(path) }
        }
        switch inode.kind {
        case .directory: return try step(path) { try makeDirectory(entry, mode: 0o700, at: place) }
        case .file: try step(path) { try writeContent(of: inode, to: entry, in: place) }
        case .symlink:
            try step(path) { try makeSymlink(PathBytes(reader.target(of: inode)), at: entry, in: place) }
        case .blockDevice, .characterDevice:
            guard try makeDevice(inode, entry, path, place) else {
                firstNames[inode.reference] = nil
                return report.devicesLeftOut.append(path)
            }
        case .fifo, .socket:
            try step(path) { try makeNode(entry, mode: inode.kind.modeBits | 0o600, device: 0, at: place) }
        }
        try setAttributes(of: inode, name: name, entry: entry, path: path, in: place)
    }

    private func makeDevice(_ inode: Inode, _ entry: PathBytes, _ path: [UInt8], _ place: CInt)
        throws(ExtractionError) -> Bool
    {
        if options.records != .nothing {
            try step(path) { try makeNode(entry, mode: SKL_S_IFREG | 0o600, device: 0, at: place) }
            return true
        }
        guard options.devices else { return false }
        return try step(path) {
            do throws(Errno) {
                let device = deviceNumber(major: inode.major, minor: inode.minor)
                try makeNode(entry, mode: inode.kind.modeBits | 0o600, device: device, at: place)
                return true
            } catch .notPermitted {
                return false
            }
        }
    }

    /// Holes stay holes.
    private func writeContent(of inode: Inode, to entry: PathBytes, in place: CInt) throws {
        let file = try open(
            entry, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600, in: place, resolve: [.beneath, .noSymlinks])
        var offset: UInt64 = 0
        while offset < inode.size {
            let segments = try reader.segments(of: inode, at: offset, count: reader.superblock.blockSize)
            for segment in segments {
                if !segment.isHole {
                    try segment.block.withUnsafeBytes { bytes in
                        try writeFully(
                            file.raw, UnsafeRawBufferPointer(rebasing: bytes[segment.range]), at: Int64(offset))
                    }
                }
                offset += UInt64(segment.range.count)
            }
        }
        if inode.size > 0 { try ftruncate(file.raw, Int64(inode.size)) }
        try file.close()
    }

    /// Owner first, because a new owner clears setuid and file capabilities; permissions last, because they may take away
    /// the right to do the rest.
    private mutating func setAttributes(
        of inode: Inode, name: [UInt8], entry: PathBytes, path: [UInt8], in place: CInt
    ) throws(ExtractionError) {
        if options.owners && options.records != .owners {
            try step(path) { try chown(entry, inode.uid, inode.gid, at: place) }
        }
        let owner = inode.recordedOwner
        // A new file has no record, which says that it is root's.
        if options.records == .owners ? owner != .root : options.records == .devices && owner.device != nil {
            try step(path) { try owner.write(name, at: place) }
        }
        if options.records != .nothing || options.xattrs != .none {
            for attribute in try step(path, { try reader.xattrs(of: inode) }) {
                guard let kept = keptName(of: attribute.name, inode) else { continue }
                do throws(Errno) {
                    try setXattr(PathBytes(kept), attribute.value, of: name, at: place)
                } catch {
                    guard [.notPermitted, .notSupported, .accessDenied].contains(error) else {
                        throw ExtractionError(path: path, reason: .write(error))
                    }
                    report.xattrsLeftOut += 1
                }
            }
        }
        try step(path) { try setTimes(entry, seconds: Int64(inode.modified), at: place) }
        if inode.kind != .symlink { try step(path) { try chmod(entry, inode.permissions, at: place) } }
    }

    /// The name to write an attribute under; nil to leave it out. Records in an image are nobody's: it has its owners.
    private func keptName(of name: [UInt8], _ inode: Inode) -> [UInt8]? {
        if name.starts(with: RecordedOwner.prefix.utf8) { return nil }
        if name.starts(with: "user.".utf8) { return name }
        guard options.records != .nothing else { return options.xattrs == .all ? name : nil }
        if inode.kind == .file && name.elementsEqual(RecordedOwner.specialAttribute.utf8) { return name }
        return RecordedOwner.keptName(of: name)
    }

    mutating func finish(_ path: [UInt8], _ directory: Inode) throws(ExtractionError) {
        let place = try step(path) { try openDirectory(path) }
        let this: [UInt8] = [0x2E]
        let entry = try step(path) { try PathBytes(this) }
        try setAttributes(of: directory, name: this, entry: entry, path: path, in: place.raw)
    }
}

extension Inode {
    fileprivate var recordedOwner: RecordedOwner {
        var owner = RecordedOwner(uid: uid, gid: gid)
        if kind == .blockDevice { owner.device = .block(major: major, minor: minor) }
        if kind == .characterDevice { owner.device = .character(major: major, minor: minor) }
        return owner
    }
}
