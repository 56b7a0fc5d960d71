package import Archive

/// Applies the members of one layer's archive to the tree, in their order; OCI image-spec, layer.md. Where the
/// specification is silent it does what umoci and containerd do:
///
/// * `..` and a leading slash stay inside: a path is cleaned from the left, and the root is its own parent.
/// * Directories of the path may be symbolic links, which stay inside. Missing directories are made, with mode 0755 and
///   owned by root. A file in the place of a directory is an error. A link as the last component is never followed: it
///   is replaced.
/// * A whiteout hides what lower layers have, wherever it is among the members; what its own layer adds stays.
/// * Of two members of the same name the last one counts; a directory that meets a directory changes its attributes.
package struct LayerMerge {
    let tree: LayerTree
    let layer: UInt16
    /// The member about to be applied, counted from 0.
    private(set) var member: UInt32 = 0
    /// The directory of the last member: the members of a directory mostly follow one another.
    private var lastDirectory: (path: [UInt8], node: UInt32, changes: Int)?

    package init(_ tree: LayerTree, layer: UInt16) { (self.tree, self.layer) = (tree, layer) }

    /// Applies the next member.
    ///
    /// - Returns: the file whose content the member has; nil for a member without content.
    package mutating func apply(_ entry: TarEntry) throws(LayerError) -> UInt32? {
        defer { member += 1 }
        let path = Self.clean(entry.path)
        guard let name = path.last else {
            guard entry.kind == .directory else { throw LayerError("something takes the place of the root directory") }
            try update(LayerTree.root, entry)
            return nil
        }
        if Self.isBookkeeping(path) { return nil }
        let isWhiteout = name.starts(with: Self.whiteout)
        if isWhiteout, [[], [0x2E], [0x2E, 0x2E]].contains(Array(name.dropFirst(Self.whiteout.count))) {
            throw LayerError("a whiteout names nothing that could be deleted")
        }
        guard let directory = try directory(path.dropLast(), entry, isWhiteout: isWhiteout) else { return nil }
        if isWhiteout {
            hide(name.dropFirst(Self.whiteout.count), in: directory)
            return nil
        }
        return try put(entry, name, in: directory)
    }

    // MARK: Paths

    /// Returns the components, without empty ones and `.`; `..` removes the one before it.
    static func clean(_ path: [UInt8]) -> [ArraySlice<UInt8>] {
        var result: [ArraySlice<UInt8>] = []
        for part in path.split(separator: 0x2F) where !part.elementsEqual([0x2E]) {
            if part.elementsEqual([0x2E, 0x2E]) { _ = result.popLast() } else { result.append(part) }
        }
        return result
    }

    /// Returns the directory of a member. For a whiteout nothing is made: nil when there is no such directory.
    private mutating func directory(
        _ path: ArraySlice<ArraySlice<UInt8>>, _ entry: TarEntry, isWhiteout: Bool
    ) throws(LayerError) -> UInt32? {
        let joined = Array(path.joined(separator: [0x2F]))
        if let last = lastDirectory, last.changes == tree.changes, last.path == joined { return last.node }
        var walk = TreeWalk(tree)
        let making = isWhiteout ? nil : TreeWalk.Making(layer: layer, time: entry.modified)
        let node = try walk.directory(path, making: making)
        if let node { lastDirectory = (joined, node, tree.changes) }
        return node
    }

    // MARK: Whiteouts

    private static let whiteout = Array(".wh.".utf8)
    private static let opaque = Array(".wh..opq".utf8)

    /// Returns whether a path is one of those that AUFS kept for itself, such as `.wh..wh.plnk`.
    private static func isBookkeeping(_ path: [ArraySlice<UInt8>]) -> Bool {
        let own = whiteout + whiteout
        return path.contains { $0.starts(with: own) && !$0.dropFirst(whiteout.count).elementsEqual(opaque) }
    }

    /// - Parameter name: what follows `.wh.`.
    private func hide(_ name: ArraySlice<UInt8>, in directory: UInt32) {
        if name.elementsEqual(Self.opaque) {
            for child in tree.children(directory) { hide(child) }
            return
        }
        if let child = tree.child(directory, name) { hide(child) }
    }

    /// Removes an entry as far as it comes from lower layers.
    private func hide(_ node: UInt32) {
        var pending = [node]
        while let next = pending.popLast() {
            if tree.nodes[Int(next)].layer == layer {
                pending.append(contentsOf: tree.children(next))
            } else {
                tree.remove(next)
            }
        }
    }

    // MARK: Files

    private func put(_ entry: TarEntry, _ name: ArraySlice<UInt8>, in directory: UInt32) throws(LayerError) -> UInt32? {
        let existing = tree.child(directory, name)
        if case .directory = entry.kind, let existing, tree.file(of: existing).isDirectory {
            try update(existing, entry)
            return nil
        }
        if case .hardLink(let target) = entry.kind {
            try link(target, name, existing, in: directory)
            return nil
        }
        let file = try tree.makeFile(made(entry))
        try place(file, name, existing, in: directory)
        return entry.kind == .file ? file : nil
    }

    /// Makes a name in a directory name the file; what it named before is removed.
    private func place(_ file: UInt32, _ name: ArraySlice<UInt8>, _ existing: UInt32?, in directory: UInt32)
        throws(LayerError)
    {
        if let existing {
            for child in tree.children(existing) { tree.remove(child) }
            tree.replace(existing, file: file)
            tree.mark(existing, layer: layer)
        } else {
            _ = try tree.add(name, to: directory, file: file, layer: layer)
        }
    }

    private func link(_ target: [UInt8], _ name: ArraySlice<UInt8>, _ existing: UInt32?, in directory: UInt32)
        throws(LayerError)
    {
        let path = Self.clean(target)
        var walk = TreeWalk(tree)
        guard let last = path.last, let parent = try walk.directory(path.dropLast(), making: nil),
            let node = tree.child(parent, last)
        else { throw LayerError("it is a hard link to \(Self.text(target)), which is not in the image") }
        let file = tree.nodes[Int(node)].file
        guard !tree.files[Int(file)].isDirectory else {
            throw LayerError("it is a hard link to the directory \(Self.text(target))")
        }
        if existing == node { return }
        // Counted before the old name goes, which might be the last one of the same file.
        tree.files[Int(file)].names += 1
        defer { tree.files[Int(file)].names -= 1 }
        try place(file, name, existing, in: directory)
    }

    private func update(_ node: UInt32, _ entry: TarEntry) throws(LayerError) {
        let number = Int(tree.nodes[Int(node)].file)
        let changed = try made(entry)
        tree.files[number].mode = changed.mode
        (tree.files[number].uid, tree.files[number].gid) = (changed.uid, changed.gid)
        (tree.files[number].modified, tree.files[number].xattrs) = (changed.modified, changed.xattrs)
        tree.mark(node, layer: layer)
    }

    private func made(_ entry: TarEntry) throws(LayerError) -> LayerTree.File {
        var file = LayerTree.File(
            mode: entry.permissions & 0o7777, layer: layer, member: member, uid: entry.uid, gid: entry.gid,
            modified: entry.modified)
        switch entry.kind {
        case .file:
            guard entry.size <= tree.limits.largestFile else {
                throw LayerError("it claims to have \(entry.size) bytes")
            }
            file.mode |= 0o100000
            file.value = entry.size
        case .directory: file.mode |= 0o040000
        case .pipe: file.mode |= 0o010000
        case .symlink(let target):
            // The mode of every symbolic link on Linux, whatever the archive says.
            file.mode = 0o120777
            file.value = try tree.storeTarget(target)
        case .character(let major, let minor):
            file.mode |= 0o020000
            file.value = Int64(major) << 32 | Int64(minor)
        case .block(let major, let minor):
            file.mode |= 0o060000
            file.value = Int64(major) << 32 | Int64(minor)
        case .hardLink: break
        }
        file.xattrs = try tree.storeXattrs(
            entry.xattrs.filter { Self.isKept($0.name) }.map { LayerTree.XattrPair(name: $0.name, value: $0.value) })
        return file
    }

    /// Returns whether an attribute is kept. Labels of a security module belong to the host, and overlayfs would obey
    /// its own attributes.
    private static func isKept(_ name: [UInt8]) -> Bool {
        name.elementsEqual("security.capability".utf8) || name.starts(with: "user.".utf8)
            || name.starts(with: "trusted.".utf8) && !name.starts(with: "trusted.overlay.".utf8)
    }

    static func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }
}
