/// Looks up paths in the tree. Symbolic links are followed and cannot lead outside; `..` of the root is the root.
struct TreeWalk {
    private let tree: LayerTree
    private var links = 0

    init(_ tree: LayerTree) { self.tree = tree }

    /// How missing directories of a path are made: for which layer, and with which time.
    struct Making {
        let layer: UInt16
        let time: Int64
    }

    /// - Parameter making: nil to make nothing.
    /// - Returns: nil when it does not exist and may not be made.
    mutating func directory(_ path: some Collection<ArraySlice<UInt8>>, making: Making?) throws(LayerError) -> UInt32? {
        guard let node = try walk(path, follow: true, making: making) else { return nil }
        if tree.file(of: node).isDirectory { return node }
        guard making != nil else { return nil }
        throw notDirectory(node)
    }

    /// Returns the entry at a path from the root, or nil when there is none.
    ///
    /// - Parameter follow: whether a last symbolic link is followed.
    mutating func entry(_ path: [UInt8], follow: Bool = true) -> UInt32? {
        try? walk(path.split(separator: 0x2F), follow: follow, making: nil)
    }

    private func notDirectory(_ node: UInt32) -> LayerError {
        LayerError("/\(String(decoding: tree.path(of: node), as: UTF8.self)), on the way to it, is no directory")
    }

    private mutating func walk(_ path: some Collection<ArraySlice<UInt8>>, follow: Bool, making: Making?)
        throws(LayerError) -> UInt32?
    {
        var current = LayerTree.root
        var pending = Array(path.reversed())
        var steps = 0
        while let part = pending.popLast() {
            // Many links with long targets could otherwise take forever.
            steps += 1
            guard steps <= 1 << 16 else { throw LayerError("the way to it is too long") }
            if part.elementsEqual([0x2E]) { continue }
            if part.elementsEqual([0x2E, 0x2E]) {
                current = tree.nodes[Int(current)].parent
                continue
            }
            guard tree.file(of: current).isDirectory else {
                if making == nil { return nil }
                throw notDirectory(current)
            }
            guard let child = tree.child(current, part) else {
                guard let making else { return nil }
                let file = LayerTree.File(mode: 0o040755, layer: making.layer, uid: 0, gid: 0, modified: making.time)
                current = try tree.add(part, to: current, file: try tree.makeFile(file), layer: making.layer)
                continue
            }
            let file = tree.file(of: child)
            guard file.isSymlink, follow || !pending.isEmpty else {
                current = child
                continue
            }
            links += 1
            guard links <= 255 else { throw LayerError("the way to it leads through too many symbolic links") }
            let target = tree.target(file)
            if target.first == 0x2F { current = LayerTree.root }
            pending.append(contentsOf: target.split(separator: 0x2F).reversed())
        }
        return current
    }
}
