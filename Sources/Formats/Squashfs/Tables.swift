/// A table that is cut into metadata blocks, whose positions are listed at its start: ids, fragments, exports, xattrs.
struct IndexedTable: Sendable {
    private let blocks: [UInt64]
    private let entrySize: Int
    private let count: Int
    private let limit: UInt64

    static let empty = IndexedTable()

    private init() { (blocks, entrySize, count, limit) = ([], 1, 0, 0) }

    /// - Parameters:
    ///   - start: where the list of positions begins in the image.
    ///   - entrySize: in bytes, a divisor of 8192.
    init(_ store: BlockStore, start: UInt64, count: Int, entrySize: Int) throws(SquashfsError) {
        self.count = count
        self.entrySize = entrySize
        limit = store.superblock.bytesUsed
        // A count is at most 2^32 and an entry 16 bytes, so this cannot overflow; the read is bounded by the image.
        let blockCount = (count * entrySize + MetadataBlock.size - 1) / MetadataBlock.size
        let raw = try store.rawBytes(at: start, count: blockCount * 8, defect: .tableOutside)
        blocks = raw.withUnsafeBytes { bytes in
            (0..<blockCount).map {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
            }
        }
    }

    /// A cursor at the entry, or nil when there is no such entry.
    func cursor(_ store: BlockStore, at index: UInt64) throws(SquashfsError) -> MetadataCursor? {
        guard index < UInt64(count) else { return nil }
        let byte = Int(index) * entrySize
        let position = MetadataPosition(block: blocks[byte / MetadataBlock.size], offset: byte % MetadataBlock.size)
        return try MetadataCursor(store, at: position, limit: limit)
    }
}

/// The owners of the image: every uid and gid that occurs, 1 to 65535 of them.
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
    /// Where a fragment block lies, and its size word.
    func fragment(_ index: UInt32) throws(SquashfsError) -> (start: UInt64, sizeWord: UInt32) {
        guard var cursor = try fragments.cursor(blocks, at: UInt64(index)) else { throw .corrupt(.fragmentIndex) }
        return (try cursor.u64(), try cursor.u32())
    }

    /// The inode that has this number (1 to `inodeCount`); nil when the image was written without an export table.
    package func reference(toInode number: UInt32) throws(SquashfsError) -> InodeReference? {
        guard let exports else { return nil }
        guard number > 0, var cursor = try exports.cursor(blocks, at: UInt64(number) - 1) else {
            throw .corrupt(.inodeNumber)
        }
        return InodeReference(rawValue: try cursor.u64())
    }
}
