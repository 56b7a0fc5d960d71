package import Extraction

extension SquashfsReader: TreeSource {
    package func rootNode() throws(SquashfsError) -> SourceNode<Inode> { try root().node }

    package func listing(of directory: Inode) throws(SquashfsError) -> DirectoryCursor { try entries(of: directory) }

    package func next(_ listing: inout DirectoryCursor) throws(SquashfsError)
        -> (name: [UInt8], node: SourceNode<Inode>)?
    {
        guard let entry = try listing.next() else { return nil }
        return (entry.name, try inode(entry.inode).node)
    }

    package func linkTarget(of link: Inode) throws(SquashfsError) -> [UInt8] { try target(of: link) }

    package func attributes(of file: Inode) throws(SquashfsError) -> [ExtendedAttribute] { try xattrs(of: file) }

    package func content(of file: Inode, _ write: (UInt64, UnsafeRawBufferPointer) throws -> Void) throws {
        var offset: UInt64 = 0
        while offset < file.size {
            for segment in try segments(of: file, at: offset, count: superblock.blockSize) {
                if !segment.isHole {
                    try segment.block.withUnsafeBytes { bytes in
                        try write(offset, UnsafeRawBufferPointer(rebasing: bytes[segment.range]))
                    }
                }
                offset += UInt64(segment.range.count)
            }
        }
    }
}

extension Inode {
    fileprivate var node: SourceNode<Inode> {
        let kind: NodeKind =
            switch kind {
            case .directory: .directory
            case .file: .file
            case .symlink: .symlink
            case .blockDevice: .blockDevice
            case .characterDevice: .characterDevice
            case .fifo: .fifo
            case .socket: .socket
            }
        return SourceNode(
            identity: reference.rawValue, kind: kind, permissions: permissions, uid: uid, gid: gid,
            modified: Int64(modified), links: links, size: kind == .file ? size : 0, major: major, minor: minor,
            file: self)
    }
}
