package import Base
import Core
import Linux
package import SquashfsWriter

extension MergedImage {
    /// Writes the tree as a squashfs image: the layers are read a second time, and each content goes from there into blocks.
    ///
    /// - Parameter report: called with the number of bytes of content that are done, of `contentSize`.
    /// - Returns: the length of the image with its padding, in bytes.
    package func pack(into assembly: SquashfsAssembly, report: (Int64) -> Void = { _ in }) throws(SkiffError) -> Int64 {
        var done: Int64 = 0
        var placed = [SquashfsContent?](repeating: nil, count: tree.files.count)
        try contents { file, size, parts in
            placed[Int(file)] = try assembly.begin()
            var position: Int64 = 0
            try parts { offset, bytes in
                if offset > position { try assembly.appendHole(offset - position) }
                try assembly.append(bytes)
                position = offset + Int64(bytes.count)
            }
            if position < size { try assembly.appendHole(size - position) }
            try assembly.end()
            done += size
            report(done)
        }
        for (file, bytes) in tree.contents.sorted(by: { $0.key < $1.key })
        where tree.files[Int(file)].layer == LayerTree.ours {
            placed[Int(file)] = try assembly.begin()
            try assembly.append(bytes)
            try assembly.end()
        }
        tree.seal()
        return try assembly.finish(PackedTree(tree: tree, contents: placed))
    }
}

/// The tree in the form that the squashfs writer takes.
private struct PackedTree: SquashfsNodes {
    let tree: LayerTree
    let contents: [SquashfsContent?]

    func entries(of directory: UInt32) -> [(name: [UInt8], node: UInt32)] {
        tree.sortedChildren(directory).map { (Array(tree.name(of: $0)), $0) }
    }

    func node(_ number: UInt32) -> SquashfsNode {
        let index = tree.nodes[Int(number)].file
        let file = tree.files[Int(index)]
        var node = SquashfsNode(mode: UInt32(file.mode), uid: file.uid, gid: file.gid, modified: file.modified)
        node.xattrs = tree.xattrs[Int(file.xattrs)].map { TreeEntry.Xattr(name: $0.name, value: $0.value) }
        if file.names > 1, !file.isDirectory { node.shared = index }
        switch file.type {
        case 0o100000: node.content = file.value > 0 ? contents[Int(index)] : nil
        case 0o120000: node.target = Array(tree.target(file))
        case 0o020000, 0o060000: node.device = UInt64(file.device)
        default: break
        }
        return node
    }
}

extension LayerTree.File {
    var device: UInt {
        UInt(deviceNumber(major: UInt32(truncatingIfNeeded: value >> 32), minor: UInt32(truncatingIfNeeded: value)))
    }
}
