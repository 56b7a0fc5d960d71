extension SquashfsReader {
    /// Reads the inode at `reference`.
    package func inode(_ reference: InodeReference) throws(SquashfsError) -> Inode {
        var cursor = try inodeCursor(reference)
        let type = try cursor.u16()
        // Types 8 to 14 are the extended forms of 1 to 7, in the same order.
        let isExtended = type > 7
        guard let kind = Inode.Kind(rawValue: isExtended ? type - 7 : type) else { throw .corrupt(.inodeType) }
        let permissions = UInt32(try cursor.u16() & 0o7777)
        let uid = try identity(try cursor.u16())
        let gid = try identity(try cursor.u16())
        let modified = try cursor.u32()
        var inode = Inode(
            reference: reference, kind: kind, permissions: permissions, uid: uid, gid: gid, modified: modified,
            number: try cursor.u32())
        switch kind {
        case .directory: try readDirectory(&inode, isExtended, &cursor)
        case .file: try readFile(&inode, isExtended, &cursor)
        case .symlink: try readSymlink(&inode, isExtended, &cursor)
        case .blockDevice, .characterDevice:
            inode.links = try cursor.u32()
            inode.device = try cursor.u32()
            if isExtended { inode.xattrs = xattrIndex(try cursor.u32()) }
        case .fifo, .socket:
            inode.links = try cursor.u32()
            if isExtended { inode.xattrs = xattrIndex(try cursor.u32()) }
        }
        return inode
    }

    private func readDirectory(_ inode: inout Inode, _ isExtended: Bool, _ cursor: inout MetadataCursor)
        throws(SquashfsError)
    {
        var length: UInt32
        if isExtended {
            inode.links = try cursor.u32()
            length = try cursor.u32()
            inode.directory.block = try cursor.u32()
            inode.directory.parent = try cursor.u32()
            inode.directory.indexCount = try cursor.u16()
            inode.directory.offset = try cursor.u16()
            inode.xattrs = xattrIndex(try cursor.u32())
            inode.directory.index = cursor.position
        } else {
            inode.directory.block = try cursor.u32()
            inode.links = try cursor.u32()
            length = UInt32(try cursor.u16())
            inode.directory.offset = try cursor.u16()
            inode.directory.parent = try cursor.u32()
        }
        // The stored length counts three bytes for `.` and `..`, which are not stored.
        length = max(length, 3) - 3
        inode.size = UInt64(length)
    }

    private func readFile(_ inode: inout Inode, _ isExtended: Bool, _ cursor: inout MetadataCursor)
        throws(SquashfsError)
    {
        if isExtended {
            inode.file.start = try cursor.u64()
            inode.size = try cursor.u64()
            inode.holes = try cursor.u64()
            inode.links = try cursor.u32()
        } else {
            inode.file.start = UInt64(try cursor.u32())
        }
        inode.file.fragment = try cursor.u32()
        inode.file.fragmentOffset = try cursor.u32()
        if isExtended {
            inode.xattrs = xattrIndex(try cursor.u32())
        } else {
            inode.size = UInt64(try cursor.u32())
        }
        guard inode.size <= UInt64(Int64.max) else { throw .corrupt(.fileSize) }
        inode.file.blockList = cursor.position
    }

    private func readSymlink(_ inode: inout Inode, _ isExtended: Bool, _ cursor: inout MetadataCursor)
        throws(SquashfsError)
    {
        inode.links = try cursor.u32()
        let length = try cursor.u32()
        // The kernel keeps a target and its NUL in one page; CVE-2024-26982 was a symlink with an invalid size.
        guard length > 0, length < 4096 else { throw .corrupt(.symlinkLength) }
        inode.size = UInt64(length)
        inode.target = cursor.position
        if isExtended {
            try cursor.skip(Int(length))
            inode.xattrs = xattrIndex(try cursor.u32())
        }
    }

    /// Returns the target of a symbolic link, as written: 1 to 4095 bytes; empty for anything else.
    package func target(of inode: Inode) throws(SquashfsError) -> [UInt8] {
        guard inode.kind == .symlink else { return [] }
        var cursor = try MetadataCursor(blocks, at: inode.target, limit: superblock.directoryTable)
        return try cursor.bytes(Int(inode.size))
    }

    func inodeCursor(_ reference: InodeReference) throws(SquashfsError) -> MetadataCursor {
        // Both are below 2^63, so the sum cannot overflow.
        let block = superblock.inodeTable + reference.block
        return try MetadataCursor(
            blocks, at: MetadataPosition(block: block, offset: reference.offset), limit: superblock.directoryTable)
    }

    private func identity(_ index: UInt16) throws(SquashfsError) -> UInt32 {
        guard Int(index) < identities.count else { throw .corrupt(.identityIndex) }
        return identities[Int(index)]
    }

    private func xattrIndex(_ raw: UInt32) -> UInt32? { raw == UInt32.max ? nil : raw }
}
