/// A position in the metadata: the block's position in the image, and an offset in its decoded bytes.
struct MetadataPosition: Sendable, Equatable {
    var block: UInt64
    var offset: Int
}

/// Up to 8 KiB of decoded metadata, and where the next block of the same table begins.
struct MetadataBlock: Sendable {
    static let size = 8192
    let bytes: [UInt8]
    let next: UInt64
}

/// Reads fields and bytes of a metadata table across its blocks; it ends at `limit`, the end of the table in the image.
struct MetadataCursor {
    private let store: BlockStore
    private let limit: UInt64
    private var block: MetadataBlock
    private(set) var position: MetadataPosition

    init(_ store: BlockStore, at position: MetadataPosition, limit: UInt64) throws(SquashfsError) {
        self.store = store
        self.limit = limit
        self.position = position
        block = try store.metadataBlock(at: position.block, limit: limit)
        try checkOffset()
    }

    /// Goes on at another place of the same table.
    mutating func move(to position: MetadataPosition) throws(SquashfsError) {
        if position.block != self.position.block {
            block = try store.metadataBlock(at: position.block, limit: limit)
        }
        self.position = position
        try checkOffset()
    }

    /// Right after the last byte is allowed: the next field then begins in the next block.
    private func checkOffset() throws(SquashfsError) {
        guard position.offset >= 0, position.offset <= block.bytes.count else { throw .corrupt(.metadataOffset) }
    }

    /// Returns the position of the next byte, or nil at the end of the table.
    mutating func nextByte() throws(SquashfsError) -> MetadataPosition? {
        if position.offset == block.bytes.count {
            guard block.next < limit else { return nil }
            try loadNextIfEmpty()
        }
        return position
    }

    mutating func u16() throws(SquashfsError) -> UInt16 { try integer() }
    mutating func u32() throws(SquashfsError) -> UInt32 { try integer() }
    mutating func u64() throws(SquashfsError) -> UInt64 { try integer() }

    /// Returns a copy of the next `count` bytes. The caller has bounded `count`.
    mutating func bytes(_ count: Int) throws(SquashfsError) -> [UInt8] {
        if count <= block.bytes.count - position.offset {
            defer { position.offset += count }
            return Array(block.bytes[position.offset..<position.offset + count])
        }
        var result: [UInt8] = []
        while result.count < count {
            try loadNextIfEmpty()
            let part = min(count - result.count, block.bytes.count - position.offset)
            result.append(contentsOf: block.bytes[position.offset..<position.offset + part])
            position.offset += part
        }
        return result
    }

    mutating func skip(_ count: Int) throws(SquashfsError) {
        var rest = count
        while rest > 0 {
            try loadNextIfEmpty()
            let part = min(rest, block.bytes.count - position.offset)
            position.offset += part
            rest -= part
        }
    }

    /// Compares the next bytes with `other` as strcmp does, without copying; nil when they span two blocks.
    func compare(_ count: Int, with other: [UInt8]) -> Int? {
        guard count <= block.bytes.count - position.offset else { return nil }
        return block.bytes.withUnsafeBytes { bytes in
            order(UnsafeRawBufferPointer(rebasing: bytes[position.offset..<position.offset + count]), other)
        }
    }

    private mutating func loadNextIfEmpty() throws(SquashfsError) {
        guard position.offset == block.bytes.count else { return }
        position = MetadataPosition(block: block.next, offset: 0)
        block = try store.metadataBlock(at: block.next, limit: limit)
    }

    @inline(__always)
    private mutating func integer<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>()
        throws(SquashfsError) -> Value
    {
        let width = MemoryLayout<Value>.size
        if width <= block.bytes.count - position.offset {
            let start = position.offset
            position.offset += width
            return block.bytes.withUnsafeBytes {
                Value(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: Value.self))
            }
        }
        var value: Value = 0
        for (shift, byte) in try bytes(width).enumerated() { value |= Value(byte) << Value(shift * 8) }
        return value
    }
}

/// Negative when `left` sorts before `right`, as strcmp(3) and the writers of directories order names.
func order(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Int {
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
        return Int(left[index]) - Int(right[index])
    }
    return left.count - right.count
}
