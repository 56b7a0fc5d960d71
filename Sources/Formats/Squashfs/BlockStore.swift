import Linux

/// Reads and decodes the blocks of one image and caches the most recent ones. It knows nothing about files.
final class BlockStore: Sendable {
    let superblock: Superblock
    let data: BlockCache<[UInt8]>
    private let source: any ByteSource
    private let metadata: BlockCache<MetadataBlock>
    private let decompressor: Decompressor
    private let willLoad: @Sendable () -> Void

    init(_ source: any ByteSource, caches: SquashfsReader.CacheLimits, willLoad: @escaping @Sendable () -> Void)
        throws(SquashfsError)
    {
        self.source = source
        self.willLoad = willLoad
        let head = try makeBytes(Superblock.length) { buffer throws(SquashfsError) in
            try Self.fill(buffer, from: source, at: 0)
        }
        superblock = try Superblock(head, available: source.size)
        decompressor = Decompressor(
            superblock.compression, longest: max(superblock.blockSize, MetadataBlock.size))
        metadata = BlockCache(capacity: caches.metadata / MetadataBlock.size)
        data = BlockCache(capacity: caches.data / superblock.blockSize)
    }

    /// Returns the metadata block at `position`. A length word precedes it, whose bit 15 means that the block is not
    /// compressed.
    func metadataBlock(at position: UInt64, limit: UInt64) throws(SquashfsError) -> MetadataBlock {
        try metadata.value(for: position) { () throws(SquashfsError) in
            try loadMetadata(at: position, limit: limit)
        }
    }

    private func loadMetadata(at position: UInt64, limit: UInt64) throws(SquashfsError) -> MetadataBlock {
        guard limit <= superblock.bytesUsed, position >= UInt64(Superblock.length), position < limit,
            limit - position > 2
        else { throw .corrupt(.metadataOutside) }
        willLoad()
        // The word and the longest block in one read.
        let available = Int(min(limit - position, UInt64(MetadataBlock.size + 2)))
        let raw = try rawBytes(at: position, count: available, defect: .metadataOutside)
        let word = UInt16(raw[0]) | UInt16(raw[1]) << 8
        let length = Int(word & 0x7FFF)
        guard length > 0, length <= MetadataBlock.size else { throw .corrupt(.metadataSize) }
        guard length <= raw.count - 2 else { throw .corrupt(.metadataOutside) }
        let next = position + 2 + UInt64(length)
        if word & 0x8000 != 0 { return MetadataBlock(bytes: Array(raw[2..<2 + length]), next: next) }
        let bytes = try makeBytes(MetadataBlock.size) { buffer throws(SquashfsError) in
            try decompressor.decompress(count: length, into: buffer) { $0.copyBytes(from: raw[2..<2 + length]) }
        }
        guard !bytes.isEmpty else { throw .corrupt(.metadataSize) }
        return MetadataBlock(bytes: bytes, next: next)
    }

    /// Returns a data or fragment block. Bit 24 of its size word means that it is not compressed.
    func dataBlock(at position: UInt64, word: UInt32) throws(SquashfsError) -> [UInt8] {
        let count = Int(word & 0xFF_FFFF)
        guard count > 0, count <= superblock.blockSize else { throw .corrupt(.blockTooLarge) }
        willLoad()
        if word & 1 << 24 != 0 { return try rawBytes(at: position, count: count, defect: .blockOutside) }
        try checkInside(position, count, .blockOutside)
        return try makeBytes(superblock.blockSize) { buffer throws(SquashfsError) in
            try decompressor.decompress(count: count, into: buffer) { input throws(SquashfsError) in
                guard try Self.fill(input, from: source, at: position) == count else { throw .corrupt(.truncated) }
            }
        }
    }

    private func checkInside(_ position: UInt64, _ count: Int, _ defect: SquashfsError.Defect) throws(SquashfsError) {
        guard position <= superblock.bytesUsed, UInt64(count) <= superblock.bytesUsed - position else {
            throw .corrupt(defect)
        }
    }

    /// Returns bytes of the image as they are stored. `defect` is the error when some of them lie outside of it.
    func rawBytes(at position: UInt64, count: Int, defect: SquashfsError.Defect) throws(SquashfsError) -> [UInt8] {
        try checkInside(position, count, defect)
        let bytes = try makeBytes(count) { buffer throws(SquashfsError) in
            try Self.fill(buffer, from: source, at: position)
        }
        // The file was long enough when it was opened.
        guard bytes.count == count else { throw .corrupt(.truncated) }
        return bytes
    }

    private static func fill(_ buffer: UnsafeMutableRawBufferPointer, from source: any ByteSource, at offset: UInt64)
        throws(SquashfsError) -> Int
    {
        do throws(Errno) {
            return try source.read(into: buffer, at: offset)
        } catch {
            throw .kernel(error)
        }
    }
}

/// Returns the bytes that `body` wrote into a buffer of `capacity` bytes; `body` returns their number.
private func makeBytes(
    _ capacity: Int, _ body: (UnsafeMutableRawBufferPointer) throws(SquashfsError) -> Int
) throws(SquashfsError) -> [UInt8] {
    var failure: SquashfsError?
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, used in
        do throws(SquashfsError) {
            // The buffer may be longer than asked for.
            used = try body(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: capacity))
        } catch {
            failure = error
        }
    }
    if let failure { throw failure }
    return bytes
}
