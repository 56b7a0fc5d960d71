import Base
import CLinux
import Extfs
import Extraction
import Linux
import SquashfsWriter

/// The layer of an ext file system as squashfs has it, with the whiteouts of every dialect as devices 0:0.
struct SealedTree: SquashfsNodes {
    private var listings: [UInt32: [(name: [UInt8], node: UInt32)]] = [:]
    private var nodes: [SquashfsNode] = []
    /// How many attributes were lost, and what has them.
    private(set) var lost = 0

    func entries(of directory: UInt32) -> [(name: [UInt8], node: UInt32)] { listings[directory] ?? [] }

    func node(_ number: UInt32) -> SquashfsNode { nodes[Int(number)] }

    /// Reads the tree, and writes the content of its files.
    ///
    /// - Parameter top: the directory at the root of the file system that is the layer; without it the root is.
    init(_ source: ExtfsReader, top: String, into image: SquashfsAssembly) throws {
        var reading = Reading(source: source, image: image)
        let root = try reading.root(top)
        nodes.append(try reading.make(root, at: []))
        var pending = [(file: root.file, number: UInt32(0), path: [UInt8]())]
        while let directory = pending.popLast() {
            var names: [(name: [UInt8], node: UInt32)] = []
            for (name, found) in try reading.children(of: directory.file, at: directory.path) {
                let path = directory.path + [0x2F] + name
                guard nodes.count < Int(Int32.max) else { throw SkiffError("it has too many files") }
                let number = UInt32(nodes.count)
                nodes.append(try found.map { node throws in try reading.make(node, at: path) } ?? Reading.whiteout)
                names.append((name, number))
                if let found, found.kind == .directory { pending.append((found.file, number, path)) }
            }
            if reading.opaque.remove(directory.file) != nil,
                !nodes[Int(directory.number)].xattrs.contains(Marks.opaque[0])
            {
                nodes[Int(directory.number)].xattrs += Marks.opaque
            }
            listings[directory.number] = names
        }
        lost = reading.lost
    }
}

/// Reads files of the ext file system, each once.
private struct Reading {
    let source: ExtfsReader
    let image: SquashfsAssembly
    var lost = 0
    /// Directories that a file in them calls opaque.
    var opaque: Set<UInt32> = []
    private var directories: Set<UInt32> = []
    private var contents: [UInt64: SquashfsContent] = [:]

    init(source: ExtfsReader, image: SquashfsAssembly) { (self.source, self.image) = (source, image) }

    static var whiteout: SquashfsNode { SquashfsNode(mode: SKL_S_IFCHR, uid: 0, gid: 0, modified: 0) }

    mutating func root(_ top: String) throws -> SourceNode<UInt32> {
        let root = try source.rootNode()
        var listing = try source.listing(of: root.file)
        while let (name, node) = try source.next(&listing) {
            if name.elementsEqual(top.utf8), node.kind == .directory { return node }
        }
        return root
    }

    /// Returns the entries as the container sees them, sorted; nil stands for a whiteout.
    mutating func children(of directory: UInt32, at path: [UInt8]) throws -> [(
        name: [UInt8], node: SourceNode<UInt32>?
    )] {
        guard directories.insert(directory).inserted else {
            throw problem(path, "it is in two places, or contains itself")
        }
        var found: [[UInt8]: SourceNode<UInt32>] = [:]
        var hidden: Set<[UInt8]> = []
        var listing = try source.listing(of: directory)
        while let (name, node) = try source.next(&listing) {
            if let other = Marks.hiddenName(name, node) {
                if other.isEmpty { opaque.insert(directory) } else { hidden.insert(other) }
                continue
            }
            try check(name, at: path)
            guard found.updateValue(node, forKey: name) == nil else {
                throw problem(path + [0x2F] + name, "two files of one directory have this name")
            }
        }
        for name in hidden { try check(name, at: path) }
        var result = found.map { (name: $0.key, node: Marks.isWhiteout($0.value) ? nil : $0.value) }
        result += hidden.filter { found[$0] == nil }.map { (name: $0, node: nil) }
        return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    private func check(_ name: [UInt8], at path: [UInt8]) throws {
        do throws(Errno) { _ = try EntryName(name) } catch {
            throw problem(path, "an entry has a name that no file can have")
        }
    }

    mutating func make(_ node: SourceNode<UInt32>, at path: [UInt8]) throws -> SquashfsNode {
        var made = SquashfsNode(
            mode: node.kind.rawValue | node.permissions, uid: node.uid, gid: node.gid, modified: node.modified)
        let marks = Marks.read(try source.attributes(of: node.file))
        if let word = marks.refers {
            throw problem(path, "overlayfs keeps its content elsewhere (\(word)), which squashfs cannot say")
        }
        lost += marks.lost
        made.xattrs = marks.kept + (marks.isOpaque && node.kind == .directory ? Marks.opaque : [])
        switch node.kind {
        case .file: made.content = try content(node)
        case .symlink: made.target = try source.linkTarget(of: node.file)
        case .blockDevice, .characterDevice: made.device = UInt64(deviceNumber(major: node.major, minor: node.minor))
        case .directory, .fifo, .socket: break
        }
        if node.links > 1 && node.kind != .directory { made.shared = node.file }
        return made
    }

    /// Writes the content of a file when its first name comes.
    private mutating func content(_ node: SourceNode<UInt32>) throws -> SquashfsContent? {
        if let known = contents[node.identity] { return known }
        let content = try image.begin()
        var position: UInt64 = 0
        try source.content(of: node.file) { offset, bytes in
            // The last block may be longer than the file; what lies behind its end was set aside.
            guard offset < node.size else { return }
            if offset > position { try image.appendHole(Int64(clamping: offset - position)) }
            let count = min(UInt64(bytes.count), node.size - offset)
            try image.append(UnsafeRawBufferPointer(rebasing: bytes[..<Int(count)]))
            position = offset + count
        }
        if position < node.size { try image.appendHole(Int64(clamping: node.size - position)) }
        try image.end()
        if node.links > 1 { contents[node.identity] = content }
        return content
    }

    private func problem(_ path: [UInt8], _ reason: String) -> SkiffError {
        SkiffError("/\(String(decoding: path.dropFirst(), as: UTF8.self)): \(reason)")
    }
}
