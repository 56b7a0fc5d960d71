import CLinux
import Linux
import Ownership

extension TreeSource {
    /// Writes the whole tree into an empty directory that nobody else writes to. On failure, what was written stays;
    /// the caller removes the directory.
    /// - Parameter target: a descriptor of the directory, opened for reading.
    package func extract(to target: CInt, _ options: ExtractionOptions = ExtractionOptions())
        throws(ExtractionError) -> ExtractionReport
    {
        let root: TreeRoot
        do throws(Errno) {
            root = TreeRoot(adopting: try duplicate(target))
        } catch {
            throw ExtractionError(path: [], reason: .write(error))
        }
        var writer = TreeWriter(source: self, target: root, options: options)
        return try writer.run()
    }
}

/// The one place where the tree of an image's file system becomes files of the host.
///
/// An image may hold what no tree can: a name with `/`, `..`, one name twice (a link and a file to be written through it), a
/// directory in two places or in itself. So every name is checked, every file is made by a call that fails when the name is
/// taken and follows no link, and every directory is opened below the target without links.
private struct TreeWriter<Source: TreeSource> {
    typealias Node = SourceNode<Source.File>

    let source: Source
    let target: TreeRoot
    let options: ExtractionOptions
    private var report = ExtractionReport()
    /// Bytes of content.
    private var written: Int64 = 0
    /// All directories, in the order in which they were made; the root is the first. Whole paths would take the square of
    /// the depth.
    private var directories: [(parent: Int, name: [UInt8], node: Node)] = []
    /// The directories that have been given a place.
    private var seen: Set<UInt64> = []
    /// Where the first name is of each file that has several.
    private var firstNames: [UInt64: (directory: Int, name: [UInt8])] = [:]

    init(source: Source, target: TreeRoot, options: ExtractionOptions) {
        (self.source, self.target, self.options) = (source, target, options)
    }

    mutating func run() throws(ExtractionError) -> ExtractionReport {
        let root = try step([]) { try source.rootNode() }
        guard root.kind == .directory else { throw damage([], "the root is no directory") }
        directories = [(0, [], root)]
        seen = [root.identity]
        var next = 0
        while next < directories.count {
            try fill(next)
            next += 1
        }
        // Permissions and times of directories last: a directory without write permission could not be filled, and
        // filling changes the times. Those below first, since a directory may forbid the way to them.
        for directory in directories.indices.reversed() { try finish(directory) }
        return report
    }

    /// Returns a path relative to the root. Its length bounds the time that opening a directory takes.
    private func path(of directory: Int) throws(ExtractionError) -> [UInt8] {
        var names: [[UInt8]] = []
        var length = 0
        var current = directory
        while current != 0 {
            names.append(directories[current].name)
            length += directories[current].name.count + 1
            guard length <= Self.pathLimit else { throw damage(names[0], "its directories are nested too deeply") }
            current = directories[current].parent
        }
        return Array(names.reversed().joined(separator: [0x2F]))
    }

    /// In bytes: sixteen times what the kernel takes in one call.
    private static var pathLimit: Int { 65536 }

    /// Runs one step and adds to its error the path for which it failed.
    private func step<Value: ~Copyable>(_ path: [UInt8], _ body: () throws -> Value) throws(ExtractionError) -> Value {
        do {
            return try body()
        } catch let error as ExtractionError {
            throw error
        } catch let error as Source.Failure {
            throw damage(path, error.description)
        } catch let error as Errno {
            throw ExtractionError(path: path, reason: .write(error))
        } catch {
            throw ExtractionError(path: path, reason: .write(.ioError))
        }
    }

    private func damage(_ path: [UInt8], _ text: String) -> ExtractionError {
        ExtractionError(path: path, reason: .image(text))
    }

    /// Makes the entries of one directory. Directories in it are made empty and filled later, so that one descriptor is
    /// open at a time, however deep the tree.
    private mutating func fill(_ directory: Int) throws(ExtractionError) {
        let path = try path(of: directory)
        let place = try step(path) { try openDirectory(path) }
        let node = directories[directory].node
        var listing = try step(path) { try source.listing(of: node.file) }
        while let (name, node) = try step(path, { try source.next(&listing) }) {
            guard isFileName(name) else { throw damage(path, "an entry has a name that no file can have") }
            let child = path.isEmpty ? name : path + [0x2F] + name
            if node.kind == .directory {
                guard seen.insert(node.identity).inserted else {
                    throw damage(child, "a directory is in two places, or contains itself")
                }
                directories.append((directory, name, node))
            }
            try make(node, name: name, directory: directory, path: child, in: place.raw)
        }
    }

    private func openDirectory(_ path: [UInt8]) throws(Errno) -> OwnedFD {
        try target.open(TreePath(path), [.read, .directory], links: .refused)
    }

    private func isFileName(_ name: [UInt8]) -> Bool {
        guard (1...255).contains(name.count), name != [0x2E], name != [0x2E, 0x2E] else { return false }
        return !name.contains { $0 == 0 || $0 == 0x2F }
    }

    /// Makes one name. One that is taken was in the image twice, or the directory was not empty.
    private func create(_ path: [UInt8], in directory: Int, _ body: () throws -> Void) throws(ExtractionError) {
        do throws(ExtractionError) {
            try step(path, body)
        } catch {
            let name = Array(path[(path.lastIndex(of: 0x2F) ?? -1).advanced(by: 1)...])
            guard error.reason == .write(.exists), try isRepeated(name, in: directory) else { throw error }
            throw damage(path, "two files of one directory have this name")
        }
    }

    private func isRepeated(_ name: [UInt8], in directory: Int) throws(ExtractionError) -> Bool {
        let path = try path(of: directory)
        var listing = try step(path) { try source.listing(of: directories[directory].node.file) }
        var count = 0
        while count < 2, let entry = try step(path, { try source.next(&listing) }) {
            if entry.name == name { count += 1 }
        }
        return count > 1
    }

    private mutating func make(_ node: Node, name: [UInt8], directory: Int, path: [UInt8], in place: CInt)
        throws(ExtractionError)
    {
        report.files += 1
        let entry = try step(path) { try EntryName(name) }
        if node.links > 1, node.kind != .directory {
            if let first = firstNames[node.identity] {
                let above = try self.path(of: first.directory)
                return try create(path, in: directory) {
                    let parent = try openDirectory(above)
                    try makeHardLink(EntryName(first.name), from: parent.raw, at: entry, in: place)
                }
            }
            firstNames[node.identity] = (directory, name)
        }
        switch node.kind {
        case .directory: return try create(path, in: directory) { try makeDirectory(entry, mode: 0o700, at: place) }
        case .file: try create(path, in: directory) { try writeContent(of: node, to: entry, in: place) }
        case .symlink:
            let goal = try step(path) { try source.linkTarget(of: node.file) }
            guard !goal.isEmpty, !goal.contains(0) else { throw damage(path, "a symbolic link leads to no path") }
            try create(path, in: directory) { try makeSymlink(goal, at: entry, in: place) }
        case .blockDevice, .characterDevice:
            guard try makeDevice(node, entry, directory, path, place) else {
                firstNames[node.identity] = nil
                return report.devicesLeftOut.append(path)
            }
        case .fifo, .socket:
            try create(path, in: directory) {
                try makeNode(entry, mode: node.kind.rawValue | 0o600, device: 0, at: place)
            }
        }
        try setAttributes(of: node, to: .name(entry, in: place), path: path)
    }

    private func makeDevice(_ node: Node, _ entry: EntryName, _ directory: Int, _ path: [UInt8], _ place: CInt)
        throws(ExtractionError) -> Bool
    {
        if options.records != .nothing {
            try create(path, in: directory) { try makeNode(entry, mode: SKL_S_IFREG | 0o600, device: 0, at: place) }
            return true
        }
        guard options.devices else { return false }
        let device = deviceNumber(major: node.major, minor: node.minor)
        do throws(ExtractionError) {
            try create(path, in: directory) {
                try makeNode(entry, mode: node.kind.rawValue | 0o600, device: device, at: place)
            }
            return true
        } catch {
            guard error.reason == .write(.notPermitted) else { throw error }
            return false
        }
    }

    /// Writes the content of a file; holes stay holes.
    private mutating func writeContent(of node: Node, to entry: EntryName, in place: CInt) throws {
        guard let size = Int64(exactly: node.size) else { throw Errno(EFBIG) }
        let file = try open(entry, [.write, .create, .exclusive], mode: 0o600, at: place)
        // Set the length first: one that the file system cannot hold fails before anything is written.
        if size > 0 { try ftruncate(file.raw, size) }
        try source.content(of: node.file) { offset, bytes in
            guard offset < node.size, let start = Int64(exactly: offset) else { return }
            let count = Int(min(UInt64(bytes.count), node.size - offset))
            try writeFully(file.raw, UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: start)
            written += Int64(count)
            options.watch?(written)
        }
        try file.close()
    }
}

// MARK: attributes

extension TreeWriter {
    /// Owner first, because a new owner clears setuid and file capabilities; permissions last, because they may take away
    /// the right to do the rest.
    private mutating func setAttributes(
        of node: Node, to file: AttributeTarget, path: [UInt8]
    ) throws(ExtractionError) {
        if options.owners && options.records != .owners {
            try step(path) { try file.setOwner(node.uid, node.gid) }
        }
        let owner = node.recordedOwner
        // A new file has no record, which means that it belongs to root.
        if options.records == .owners ? owner != .root : options.records == .devices && owner.device != nil {
            try step(path) { try owner.write(file) }
        }
        if options.records != .nothing || options.xattrs != .none {
            for attribute in try step(path, { try source.attributes(of: node.file) }) {
                guard let kept = keptName(of: attribute.name, node) else { continue }
                do throws(Errno) {
                    try file.setXattr(kept, attribute.value)
                } catch {
                    guard [.notPermitted, .notSupported, .accessDenied].contains(error) else {
                        throw ExtractionError(path: path, reason: .write(error))
                    }
                    report.xattrsLeftOut += 1
                }
            }
        }
        try step(path) { try file.setTimes(seconds: node.modified) }
        if node.kind != .symlink { try step(path) { try file.setPermissions(node.permissions) } }
    }

    /// Returns the name to write an attribute under, or nil to leave it out. Records in an image do not count: it has
    /// real owners.
    private func keptName(of name: [UInt8], _ node: Node) -> [UInt8]? {
        if name.starts(with: RecordedOwner.prefix.utf8) { return nil }
        if name.starts(with: "user.".utf8) { return name }
        guard options.records != .nothing else { return options.xattrs == .all ? name : nil }
        if node.kind == .file && name.elementsEqual(RecordedOwner.specialAttribute.utf8) { return name }
        return RecordedOwner.keptName(of: name)
    }

    private mutating func finish(_ directory: Int) throws(ExtractionError) {
        let path = try path(of: directory)
        let place = try step(path) { try openDirectory(path) }
        try setAttributes(of: directories[directory].node, to: .open(place.raw), path: path)
    }
}

extension SourceNode {
    fileprivate var recordedOwner: RecordedOwner {
        var owner = RecordedOwner(uid: uid, gid: gid)
        if kind == .blockDevice { owner.device = .block(major: major, minor: minor) }
        if kind == .characterDevice { owner.device = .character(major: major, minor: minor) }
        return owner
    }
}
