/// Reads a squashfs 4.0 image: inodes, directories, files, links, extended attributes. Any number of threads may use
/// it.
///
/// Every number of the image is checked before it is used, so a damaged or hostile one causes a `SquashfsError` and
/// never a trap, an endless loop or an allocation larger than a block. The values that it returns hold no lock and no
/// reference into the image; its memory is the two caches and what the caller keeps.
package final class SquashfsReader: Sendable {
    let blocks: BlockStore
    let blockLists = BlockListCache()
    let identities: [UInt32]
    let fragments: IndexedTable
    let exports: IndexedTable?
    let xattrTable: XattrTable?
    /// A block of zeros for the holes of files.
    let zeros: [UInt8]

    /// How much decoded data a reader keeps, in bytes.
    package struct CacheLimits: Sendable {
        package var metadata: Int
        package var data: Int
        package init(metadata: Int = 4 << 20, data: Int = 16 << 20) {
            self.metadata = metadata
            self.data = data
        }
    }

    package var superblock: Superblock { blocks.superblock }

    /// Opens an image: reads the superblock and the lists of tables, nothing that grows with the content of files.
    /// - Parameter willLoad: called before each reading and decoding of a block, by the thread that does it.
    package init(
        _ source: any ByteSource, caches: CacheLimits = CacheLimits(), willLoad: @escaping @Sendable () -> Void = {}
    ) throws(SquashfsError) {
        blocks = try BlockStore(source, caches: caches, willLoad: willLoad)
        let head = blocks.superblock
        identities = try loadIdentities(blocks)
        fragments =
            head.fragmentCount == 0
            ? .empty
            : try IndexedTable(blocks, start: head.fragmentTable, count: Int(head.fragmentCount), entrySize: 16)
        exports =
            head.hasExportTable
            ? try IndexedTable(blocks, start: head.exportTable, count: Int(head.inodeCount), entrySize: 8) : nil
        xattrTable = try XattrTable(blocks)
        zeros = [UInt8](repeating: 0, count: head.blockSize)
    }

    /// Returns the root directory.
    package func root() throws(SquashfsError) -> Inode {
        let inode = try inode(superblock.root)
        guard inode.isDirectory else { throw .corrupt(.notDirectory) }
        return inode
    }
}
