/// A table in metadata blocks whose positions are listed at its start: ids, fragments, exports, xattrs.
///
/// The list is read one entry at a time: that costs a small pread(2), and a false count costs no memory.
struct IndexedTable: Sendable {
    private let start: UInt64
    private let entrySize: Int
    private let count: Int

    static let empty = IndexedTable()

    private init() { (start, entrySize, count) = (0, 1, 0) }

    /// - Parameters:
    ///   - start: where the list of positions begins in the image.
    ///   - count: the number of entries, below 2^32.
    ///   - entrySize: the size of an entry in bytes, a divisor of 8192.
    init(_ store: BlockStore, start: UInt64, count: Int, entrySize: Int) throws(SquashfsError) {
        (self.start, self.entrySize, self.count) = (start, entrySize, count)
        let blocks = UInt64((count * entrySize + MetadataBlock.size - 1) / MetadataBlock.size)
        let end = store.superblock.bytesUsed
        guard start <= end, blocks * 8 <= end - start else { throw .corrupt(.tableOutside) }
    }

    /// Returns a cursor at the entry, or nil when there is no such entry.
    func cursor(_ store: BlockStore, at index: UInt64) throws(SquashfsError) -> MetadataCursor? {
        guard index < UInt64(count) else { return nil }
        let byte = Int(index) * entrySize
        let listed = start + UInt64(byte / MetadataBlock.size * 8)
        let raw = try store.rawBytes(at: listed, count: 8, defect: .tableOutside)
        let block = raw.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        let position = MetadataPosition(block: block, offset: byte % MetadataBlock.size)
        return try MetadataCursor(store, at: position, limit: store.superblock.bytesUsed)
    }
}

/// Returns the owners of the image: every uid and gid that occurs, 1 to 65535 of them.
func loadIdentities(_ store: BlockStore) throws(SquashfsError) -> [UInt32] {
    let count = Int(store.superblock.identityCount)
    let table = try IndexedTable(store, start: store.superblock.identityTable, count: count, entrySize: 4)
    var result: [UInt32] = []
    result.reserveCapacity(count)
    let perBlock = MetadataBlock.size / 4
    for first in stride(from: 0, to: count, by: perBlock) {
        guard var cursor = try table.cursor(store, at: UInt64(first)) else { break }
        for _ in first..<min(first + perBlock, count) { result.append(try cursor.u32()) }
    }
    return result
}

extension SquashfsReader {
    /// Returns the position of a fragment block, and its size word.
    func fragment(_ index: UInt32) throws(SquashfsError) -> (start: UInt64, sizeWord: UInt32) {
        guard var cursor = try fragments.cursor(blocks, at: UInt64(index)) else { throw .corrupt(.fragmentIndex) }
        return (try cursor.u64(), try cursor.u32())
    }

    /// Returns the inode that has this number (1 to `inodeCount`), or nil when the image was written without an export
    /// table.
    package func reference(toInode number: UInt32) throws(SquashfsError) -> InodeReference? {
        guard let exports else { return nil }
        guard number > 0, var cursor = try exports.cursor(blocks, at: UInt64(number) - 1) else {
            throw .corrupt(.inodeNumber)
        }
        return InodeReference(rawValue: try cursor.u64())
    }
}
