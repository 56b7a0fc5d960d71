package import Base
import CLinux
package import Linux
import Ownership

/// Writes the tree into an empty directory that nobody else writes to: all names first, then contents, then owners,
/// attributes and permissions. Every name is made by a call that follows no symbolic link.
package struct TreeExtraction {
    private let image: MergedImage
    private let target: TreeRoot
    private let path: String
    private let owners: Owners

    package enum Owners: Sendable {
        /// Real root: files get their owners, devices are devices.
        case own
        /// Root of ranges of ids: files get their owners, devices are records on files.
        case ownButDevices
        /// Owners and devices are records on the files (`RecordedOwner`).
        case recorded
        /// Everything belongs to the caller, devices are left out.
        case none
    }

    /// - Parameters:
    ///   - path: for messages.
    package init(_ image: MergedImage, to target: TreeRoot, path: String, owners: Owners) {
        (self.image, self.target, self.path, self.owners) = (image, target, path, owners)
    }

    private var tree: LayerTree { image.tree }

    /// Writes the tree. After a failure, what was written stays; the caller removes the directory.
    package func run() throws(SkiffError) {
        try checkSpace()
        var firstNames = [UInt32](repeating: LayerTree.none, count: tree.files.count)
        var directories: [UInt32] = []
        var pending = [LayerTree.root]
        while let directory = pending.popLast() {
            directories.append(directory)
            pending += try makeEntries(of: directory, &firstNames).reversed()
        }
        try writeContents(firstNames)
        // Permissions of directories last: one without write permission could not be filled, and filling changes times.
        for directory in directories.reversed() { try finish(directory, firstNames) }
        try finish(.open(target.descriptor), LayerTree.root)
    }

    private func checkSpace() throws(SkiffError) {
        let (needed, free) = (image.contentSize, (try? filesystemFacts(of: path).available) ?? .max)
        guard needed > free, !hasHoles else { return }
        throw SkiffError(
            "cannot unpack \(image.image.source): it needs \(needed >> 20) MiB, and \(path) has \(free >> 20) MiB",
            hint: "Set APPTAINER_TMPDIR to a directory with more room")
    }

    /// Whether a file is so large that it must be sparse: then the room it needs is not known beforehand.
    private var hasHoles: Bool { tree.files.contains { $0.names > 0 && $0.isRegular && $0.value > 1 << 32 } }

    private func step<Value: ~Copyable>(_ node: UInt32, _ body: () throws(Errno) -> Value) throws(SkiffError) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            let isFull = error == .noSpace || error == .quotaExceeded
            throw SkiffError(
                "cannot write \(path)/\(String(decoding: tree.path(of: node), as: UTF8.self))", errno: error,
                hint: isFull ? "Set APPTAINER_TMPDIR to a directory with more room" : nil)
        }
    }

    // MARK: Names

    /// - Returns: the directories among the entries.
    private func makeEntries(of directory: UInt32, _ firstNames: inout [UInt32]) throws(SkiffError) -> [UInt32] {
        let place = try step(directory) { () throws(Errno) in try open(directory: directory)
        }
        var below: [UInt32] = []
        for node in tree.sortedChildren(directory) {
            let file = Int(tree.nodes[Int(node)].file)
            let first = firstNames[file]
            if first != LayerTree.none {
                try link(node, to: first, in: place.raw)
                continue
            }
            firstNames[file] = node
            if try !make(node, in: place.raw) { firstNames[file] = LayerTree.none }
            if tree.files[file].isDirectory { below.append(node) }
        }
        return below
    }

    private func open(directory: UInt32) throws(Errno) -> OwnedFD {
        try target.open(TreePath(tree.path(of: directory)), [.read, .directory], links: .refused)
    }

    private func link(_ node: UInt32, to first: UInt32, in place: CInt) throws(SkiffError) {
        try step(node) { () throws(Errno) in
            let parent = try open(directory: tree.nodes[Int(first)].parent)
            try makeHardLink(
                EntryName(Array(tree.name(of: first))), from: parent.raw, at: EntryName(Array(tree.name(of: node))),
                in: place)
        }
    }

    /// - Returns: whether it was made, and not left out.
    private func make(_ node: UInt32, in place: CInt) throws(SkiffError) -> Bool {
        let file = tree.file(of: node)
        return try step(node) { () throws(Errno) in
            let name = try EntryName(Array(tree.name(of: node)))
            switch file.type {
            case 0o040000: try makeDirectory(name, mode: 0o700, at: place)
            case 0o100000: try makeNode(name, mode: SKL_S_IFREG | 0o600, device: 0, at: place)
            case 0o120000: try makeSymlink(Array(tree.target(file)), at: name, in: place)
            case 0o010000: try makeNode(name, mode: SKL_S_IFIFO | 0o600, device: 0, at: place)
            default:
                switch owners {
                case .none: return false
                case .recorded, .ownButDevices:
                    try makeNode(name, mode: SKL_S_IFREG | 0o600, device: 0, at: place)
                case .own:
                    try makeNode(name, mode: UInt32(file.type) | 0o600, device: dev_t(file.device), at: place)
                }
            }
            return true
        }
    }

    // MARK: Contents

    private func writeContents(_ firstNames: [UInt32]) throws(SkiffError) {
        try image.contents { file, size, parts in
            let node = firstNames[Int(file)]
            guard node != LayerTree.none else { return }
            let opened = try open(node)
            try parts { offset, bytes in
                try step(node) { () throws(Errno) in try writeFully(opened.raw, bytes, at: offset) }
            }
            try close(opened, node, size)
        }
        for (file, bytes) in tree.contents where tree.files[Int(file)].layer == LayerTree.ours {
            let node = firstNames[Int(file)]
            guard node != LayerTree.none else { continue }
            let opened = try open(node)
            try step(node) { () throws(Errno) in try writeFully(opened.raw, bytes) }
            try close(opened, node, Int64(bytes.count))
        }
    }

    private func open(_ node: UInt32) throws(SkiffError) -> OwnedFD {
        try step(node) { () throws(Errno) in
            let parent = try open(directory: tree.nodes[Int(node)].parent)
            return try Linux.open(EntryName(Array(tree.name(of: node))), .write, at: parent.raw)
        }
    }

    /// Sets the length, which makes a hole at the end.
    private func close(_ file: consuming OwnedFD, _ node: UInt32, _ size: Int64) throws(SkiffError) {
        let raw = file.raw
        try step(node) { () throws(Errno) in try ftruncate(raw, size) }
        do throws(Errno) {
            try file.close()
        } catch {
            throw SkiffError(
                "cannot write \(path)/\(String(decoding: tree.path(of: node), as: UTF8.self))", errno: error)
        }
    }

    // MARK: Attributes

    private func finish(_ directory: UInt32, _ firstNames: [UInt32]) throws(SkiffError) {
        let place = try step(directory) { () throws(Errno) in try open(directory: directory)
        }
        for node in tree.children(directory) where firstNames[Int(tree.nodes[Int(node)].file)] == node {
            let name = try step(node) { () throws(Errno) in try EntryName(Array(tree.name(of: node))) }
            try finish(.name(name, in: place.raw), node)
        }
    }

    /// Owner first, because a new owner clears setuid and file capabilities; permissions last, because they may take away
    /// the right to do the rest.
    private func finish(_ entry: AttributeTarget, _ node: UInt32) throws(SkiffError) {
        let file = tree.file(of: node)
        try step(node) { () throws(Errno) in
            switch owners {
            case .own, .ownButDevices: try entry.setOwner(file.uid, file.gid)
            case .recorded: if file.owner != .root { try file.owner.write(entry) }
            case .none: break
            }
            if owners == .ownButDevices, file.owner.device != nil { try file.owner.write(entry) }
            for pair in tree.xattrs[Int(file.xattrs)] { try setAttribute(pair, file, entry) }
            try entry.setTimes(seconds: file.modified)
            if !file.isSymlink { try entry.setPermissions(mode_t(file.mode & 0o7777)) }
        }
    }

    private func setAttribute(_ pair: LayerTree.XattrPair, _ file: LayerTree.File, _ entry: AttributeTarget)
        throws(Errno)
    {
        var key: [UInt8]? = pair.name
        if pair.name.starts(with: RecordedOwner.prefix.utf8) { key = nil }
        if !pair.name.starts(with: "user.".utf8), owners != .own {
            let isCapability = pair.name.elementsEqual(RecordedOwner.specialAttribute.utf8) && file.isRegular
            key = owners != .none ? (isCapability ? pair.name : RecordedOwner.keptName(of: pair.name)) : nil
        }
        guard let key else { return }
        do throws(Errno) {
            try entry.setXattr(key, pair.value)
        } catch {
            // The file system has no attributes, or this kind of file may have none.
            guard [.notPermitted, .notSupported, .accessDenied].contains(error) else { throw error }
        }
    }
}

extension LayerTree.File {
    fileprivate var owner: RecordedOwner {
        var owner = RecordedOwner(uid: uid, gid: gid)
        let (major, minor) = (UInt32(truncatingIfNeeded: value >> 32), UInt32(truncatingIfNeeded: value))
        if type == 0o060000 { owner.device = .block(major: major, minor: minor) }
        if type == 0o020000 { owner.device = .character(major: major, minor: minor) }
        return owner
    }
}
