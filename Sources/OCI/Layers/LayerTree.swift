/// All files of an image in memory, without their content: about 100 bytes for each. Names of a file (`Node`) and the file
/// itself (`File`) are apart, as directory entries and inodes are.
///
/// Both are known by numbers. The number of a removed name is used again.
package final class LayerTree {
    /// An entry of a directory.
    struct Node {
        var parent: UInt32
        var first = LayerTree.none
        var next = LayerTree.none
        var previous = LayerTree.none
        /// The offset of the name in `texts`.
        var name: UInt32
        var file: UInt32
        /// The last layer that added it, or something below it.
        var layer: UInt16
        var nameLength: UInt8
    }

    /// A file, which entries of directories name.
    struct File {
        /// Type and permissions, as stat(2) has them.
        var mode: UInt16
        /// The layer that has the content, and the number of the member in its archive; `ours` for `contents`.
        var layer: UInt16
        var member: UInt32 = 0
        var uid: UInt32
        var gid: UInt32
        /// The number of its names; 0 when it is removed.
        var names: UInt32 = 0
        /// An index of `xattrs`; 0 for none.
        var xattrs: UInt32 = 0
        var modified: Int64
        /// The size of the content, the offset and length of a link's target (`target`), or the number of a device.
        var value: Int64 = 0
        /// The processor of a program: `e_machine` of its ELF header; 0 for everything else.
        var machine: UInt16 = 0

        var type: UInt16 { mode & 0o170000 }
        var isDirectory: Bool { type == 0o040000 }
        var isRegular: Bool { type == 0o100000 }
        var isSymlink: Bool { type == 0o120000 }
    }

    static let none = UInt32.max
    static let root: UInt32 = 0
    /// In place of a layer: the content is in `contents`, not in a layer.
    static let ours = UInt16.max
    /// The layer of an entry that is being made.
    private static let unmarked = UInt16.max - 1
    package static let mostLayers = 1000

    private(set) var nodes: [Node] = []
    var files: [File] = []
    private var texts: [UInt8] = []
    private(set) var xattrs: [[XattrPair]] = [[]]
    private var xattrNumbers: [[XattrPair]: UInt32] = [:]
    private var xattrBytes = 0
    private var index = NameIndex()
    private var freeNodes: [UInt32] = []
    private var freeFiles: [UInt32] = []
    let limits: LayerLimits
    /// Incremented when an entry is removed or moved, which makes earlier lookups invalid.
    private(set) var changes = 0
    /// The content of small files that are needed before the image is written, by file.
    var contents: [UInt32: [UInt8]] = [:]

    struct XattrPair: Hashable {
        var name: [UInt8]
        var value: [UInt8]
    }

    /// Makes a tree with nothing but its root, which has mode 0755 and belongs to root.
    package init(limits: LayerLimits = LayerLimits()) {
        self.limits = limits
        files.append(File(mode: 0o040755, layer: 0, uid: 0, gid: 0, names: 1, modified: 0))
        nodes.append(Node(parent: 0, name: 0, file: 0, layer: 0, nameLength: 0))
    }

    /// How many entries there are, with the root.
    package var count: Int { nodes.count - freeNodes.count }

    func file(of node: UInt32) -> File { files[Int(nodes[Int(node)].file)] }

    func name(of node: UInt32) -> ArraySlice<UInt8> {
        let found = nodes[Int(node)]
        return texts[Int(found.name)..<Int(found.name) + Int(found.nameLength)]
    }

    func target(_ file: File) -> ArraySlice<UInt8> {
        let start = Int(file.value >> 16)
        return texts[start..<start + Int(file.value & 0xFFFF)]
    }

    // MARK: Looking

    func child(_ directory: UInt32, _ name: ArraySlice<UInt8>) -> UInt32? {
        index.find(directory, name) { nodes[Int($0)].parent == directory && self.name(of: $0) == name }
    }

    /// Returns the entries of a directory, in no particular order.
    func children(_ directory: UInt32) -> [UInt32] {
        var result: [UInt32] = []
        var next = nodes[Int(directory)].first
        while next != Self.none {
            result.append(next)
            next = nodes[Int(next)].next
        }
        return result
    }

    /// Returns the entries of a directory, sorted by the bytes of their names.
    func sortedChildren(_ directory: UInt32) -> [UInt32] {
        children(directory).sorted { name(of: $0).lexicographicallyPrecedes(name(of: $1)) }
    }

    /// Returns the path without a leading slash; empty for the root.
    func path(of node: UInt32) -> [UInt8] {
        var parts: [ArraySlice<UInt8>] = []
        var current = node
        while current != Self.root {
            parts.append(name(of: current))
            current = nodes[Int(current)].parent
        }
        return Array(parts.reversed().joined(separator: [0x2F]))
    }

    // MARK: Changing

    /// Adds an entry to a directory that has none of this name.
    func add(_ name: ArraySlice<UInt8>, to directory: UInt32, file: UInt32, layer: UInt16) throws(LayerError) -> UInt32
    {
        guard name.count <= 255 else {
            throw LayerError("a name has \(name.count) bytes, no file system keeps more than 255")
        }
        let node = Node(
            parent: directory, name: try store(name), file: file, layer: Self.unmarked, nameLength: UInt8(name.count))
        let number: UInt32
        if let free = freeNodes.popLast() {
            number = free
            nodes[Int(number)] = node
        } else {
            guard nodes.count < Int(Int32.max) else { throw LayerError("too many files") }
            number = UInt32(nodes.count)
            nodes.append(node)
        }
        let first = nodes[Int(directory)].first
        nodes[Int(number)].next = first
        if first != Self.none { nodes[Int(first)].previous = number }
        nodes[Int(directory)].first = number
        files[Int(file)].names += 1
        index.insert(number, directory, name) { [self] in (nodes[Int($0)].parent, self.name(of: $0)) }
        mark(number, layer: layer)
        return number
    }

    /// Makes an entry name another file.
    func replace(_ node: UInt32, file: UInt32) {
        changes += 1
        let old = nodes[Int(node)].file
        guard old != file else { return }
        files[Int(file)].names += 1
        nodes[Int(node)].file = file
        release(old)
    }

    func makeFile(_ file: File) throws(LayerError) -> UInt32 {
        if let free = freeFiles.popLast() {
            files[Int(free)] = file
            return free
        }
        guard files.count < Int(Int32.max) else { throw LayerError("too many files") }
        files.append(file)
        return UInt32(files.count - 1)
    }

    /// Removes one name of a file, and the file with its last name.
    private func release(_ file: UInt32) {
        files[Int(file)].names -= 1
        guard files[Int(file)].names == 0 else { return }
        freeFiles.append(file)
        contents[file] = nil
    }

    /// Removes an entry with everything below it.
    func remove(_ node: UInt32) {
        guard node != Self.root else { return }
        changes += 1
        var pending = [node]
        while let next = pending.popLast() {
            let children = children(next)
            if children.isEmpty {
                detach(next)
            } else {
                pending.append(next)
                pending.append(contentsOf: children)
            }
        }
    }

    private func detach(_ node: UInt32) {
        let found = nodes[Int(node)]
        index.remove(node, found.parent, name(of: node)) { [self] in (nodes[Int($0)].parent, name(of: $0)) }
        if found.previous == Self.none {
            nodes[Int(found.parent)].first = found.next
        } else {
            nodes[Int(found.previous)].next = found.next
        }
        if found.next != Self.none { nodes[Int(found.next)].previous = found.previous }
        release(found.file)
        freeNodes.append(node)
    }

    /// Marks an entry and the directories above it as added by a layer.
    func mark(_ node: UInt32, layer: UInt16) {
        var current = node
        while nodes[Int(current)].layer != layer {
            nodes[Int(current)].layer = layer
            current = nodes[Int(current)].parent
        }
    }

    // MARK: Texts and attributes

    private func store(_ text: ArraySlice<UInt8>) throws(LayerError) -> UInt32 {
        guard texts.count + text.count <= limits.names else {
            throw LayerError("the names of its files take more than \(limits.names >> 20) MiB")
        }
        let start = UInt32(texts.count)
        texts.append(contentsOf: text)
        return start
    }

    /// Returns the `value` of a symbolic link.
    func storeTarget(_ target: [UInt8]) throws(LayerError) -> Int64 {
        guard !target.isEmpty, target.count < 4096 else {
            throw LayerError(
                target.isEmpty ? "a symbolic link points to nothing" : "the target of a symbolic link is too long")
        }
        return Int64(try store(target[...])) << 16 | Int64(target.count)
    }

    /// Returns the number of a set of attributes; equal sets have the same.
    func storeXattrs(_ pairs: [XattrPair]) throws(LayerError) -> UInt32 {
        if pairs.isEmpty { return 0 }
        let sorted = pairs.sorted { $0.name.lexicographicallyPrecedes($1.name) }
        if let known = xattrNumbers[sorted] { return known }
        xattrBytes += sorted.reduce(0) { $0 + $1.name.count + $1.value.count }
        guard xattrBytes <= limits.xattrs else {
            throw LayerError("its extended attributes take more than \(limits.xattrs >> 20) MiB")
        }
        let number = UInt32(xattrs.count)
        xattrs.append(sorted)
        xattrNumbers[sorted] = number
        return number
    }

    var textBytes: Int { texts.capacity }
    var indexBytes: Int { index.bytes }

    /// Frees the memory that only merging needs.
    func seal() {
        index = NameIndex()
        xattrNumbers = [:]
    }
}

/// Why a layer cannot be applied, as the end of a sentence.
package struct LayerError: Error, Equatable {
    package let reason: String
    init(_ reason: String) { self.reason = reason }
}

// MARK: For tests

extension LayerTree {
    /// The memory that the tree takes without contents, in bytes.
    package var bytes: Int {
        nodes.capacity * MemoryLayout<Node>.stride + files.capacity * MemoryLayout<File>.stride + textBytes + indexBytes
    }

    /// The highest number of names that a file has.
    package var mostNames: Int {
        Int(files.filter { !$0.isDirectory }.map(\.names).max() ?? 0)
    }

    /// Whether every entry can be found, is in its directory, and is counted as a name of its file.
    package var isConsistent: Bool {
        var names = [UInt32](repeating: 0, count: files.count)
        var (seen, pending) = (0, [Self.root])
        while let node = pending.popLast() {
            seen += 1
            names[Int(nodes[Int(node)].file)] += 1
            let children = children(node)
            guard children.isEmpty || file(of: node).isDirectory else { return false }
            for child in children {
                guard nodes[Int(child)].parent == node, self.child(node, name(of: child)) == child else { return false }
            }
            pending += children
        }
        return seen == count && files.indices.allSatisfy { files[$0].names == names[$0] }
    }
}
