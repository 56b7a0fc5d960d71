extension SquashfsReader {
    /// Returns the fragment that holds all of a small file, or nil for a file that has blocks of its own or no content.
    package func fragment(of inode: Inode) -> UInt32? {
        guard inode.kind == .file, inode.size > 0, inode.file.fragment != FilePlace.noFragment,
            blockCount(of: inode) == 0
        else { return nil }
        return inode.file.fragment
    }

    /// Returns the inode that is stored after this one, or nil for the last. Writers store the files of a directory one
    /// after another, in the order of their content.
    package func inode(after inode: Inode) throws(SquashfsError) -> Inode? {
        var cursor = try inodeCursor(inode.reference)
        let isExtended = try cursor.u16() > 7
        switch inode.kind {
        case .directory where isExtended:
            try cursor.move(to: inode.directory.index)
            for _ in 0..<inode.directory.indexCount {
                try cursor.skip(8)
                // One less than the length of the name.
                try cursor.skip(Int(min(try cursor.u32(), 255)) + 1)
            }
        case .directory: try cursor.skip(30)
        case .file:
            try cursor.move(to: inode.file.blockList)
            // A list is no longer than the table; the number of blocks of a hostile image may be anything.
            guard blockCount(of: inode) <= superblock.bytesUsed / 4 else { throw .corrupt(.fileSize) }
            try cursor.skip(Int(blockCount(of: inode)) * 4)
        case .symlink:
            try cursor.move(to: inode.target)
            try cursor.skip(Int(inode.size) + (isExtended ? 4 : 0))
        case .blockDevice, .characterDevice: try cursor.skip(isExtended ? 26 : 22)
        case .fifo, .socket: try cursor.skip(isExtended ? 22 : 18)
        }
        guard let place = try cursor.nextByte(),
            let block = UInt32(exactly: place.block - superblock.inodeTable)
        else { return nil }
        return try self.inode(InodeReference(block: block, offset: UInt16(place.offset)))
    }
}
