package import Extraction

/// The positions of the attribute lists, and of the keys and values that they point into.
struct XattrTable: Sendable {
    let lists: IndexedTable
    let start: UInt64

    /// nil for an image without extended attributes.
    init?(_ store: BlockStore) throws(SquashfsError) {
        let head = store.superblock
        guard head.hasXattrs else { return nil }
        let bytes = try store.rawBytes(at: head.xattrTable, count: 16, defect: .tableOutside)
        let count: UInt32
        (start, count) = bytes.withUnsafeBytes {
            (
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
            )
        }
        guard start < head.bytesUsed else { throw .corrupt(.tableOutside) }
        // The table's position was checked to be below bytesUsed, which is below 2^63.
        lists = try IndexedTable(store, start: head.xattrTable + 16, count: Int(count), entrySize: 16)
    }
}

extension SquashfsReader {
    /// Returns the attributes of an inode, in the order of the image.
    package func xattrs(of inode: Inode) throws(SquashfsError) -> [ExtendedAttribute] {
        guard let index = inode.xattrs else { return [] }
        guard let table = xattrTable, var entry = try table.lists.cursor(blocks, at: UInt64(index)) else {
            throw .corrupt(.xattrIndex)
        }
        let place = try entry.u64()
        let count = try entry.u32()
        var cursor = try xattrCursor(place, table)
        var result: [ExtendedAttribute] = []
        var total = 0
        for _ in 0..<count {
            let type = try cursor.u16()
            let name = try xattrPrefix(type) + cursor.bytes(Int(try cursor.u16()))
            let value = try xattrValue(isElsewhere: type & 0x100 != 0, &cursor, table)
            total += name.count + 1
            // The kernel shows no list above 64 KiB; xattr(7). It also bounds the work for a hostile image.
            guard name.count <= 255, !name.contains(0), total <= 65536 else { throw .corrupt(.xattrEntry) }
            result.append(ExtendedAttribute(name: name, value: value))
        }
        return result
    }

    private func xattrPrefix(_ type: UInt16) throws(SquashfsError) -> [UInt8] {
        switch type & 0xFF {
        case 0: Array("user.".utf8)
        case 1: Array("trusted.".utf8)
        case 2: Array("security.".utf8)
        default: throw .corrupt(.xattrEntry)
        }
    }

    /// Returns a value; one that several inodes share is stored once and referred to.
    private func xattrValue(isElsewhere: Bool, _ cursor: inout MetadataCursor, _ table: XattrTable)
        throws(SquashfsError) -> [UInt8]
    {
        let length = try cursor.u32()
        guard isElsewhere else { return try xattrBytes(length, &cursor) }
        guard length == 8 else { throw .corrupt(.xattrEntry) }
        var other = try xattrCursor(try cursor.u64(), table)
        return try xattrBytes(try other.u32(), &other)
    }

    private func xattrBytes(_ length: UInt32, _ cursor: inout MetadataCursor) throws(SquashfsError) -> [UInt8] {
        guard length <= 65536 else { throw .corrupt(.xattrEntry) }
        return try cursor.bytes(Int(length))
    }

    private func xattrCursor(_ place: UInt64, _ table: XattrTable) throws(SquashfsError) -> MetadataCursor {
        // A place is 48 bits of block and 16 of offset; start is below 2^63.
        let position = MetadataPosition(block: table.start + place >> 16, offset: Int(place & 0xFFFF))
        return try MetadataCursor(blocks, at: position, limit: superblock.xattrTable)
    }
}
