import Linux

/// The sizes in the superblock, checked before libext2fs allocates memory by them; "The Super Block" in the kernel's
/// Documentation/filesystems/ext4.
struct ExtfsGeometry {
    static let superblockOffset = 1024
    static let superblockSize = 1024

    private var magic: UInt16 = 0
    private var inodes: UInt32 = 0
    private var blocks: UInt64 = 0
    private var logBlockSize: UInt32 = 0
    private var blocksPerGroup: UInt32 = 0
    private var inodesPerGroup: UInt32 = 0

    /// - Parameter superblock: the 1024 bytes at 1024.
    init(_ superblock: [UInt8]) throws(ExtfsError) {
        do throws(ByteReader.Truncated) {
            var reader = ByteReader(superblock.span.bytes)
            inodes = try reader.u32()
            let low = try reader.u32()
            try reader.seek(to: 24)
            logBlockSize = try reader.u32()
            try reader.skip(4)
            blocksPerGroup = try reader.u32()
            try reader.skip(4)
            inodesPerGroup = try reader.u32()
            try reader.seek(to: 56)
            magic = try reader.u16()
            try reader.seek(to: 96)
            let has64Bits = try reader.u32() & 0x80 != 0
            try reader.seek(to: 336)
            blocks = UInt64(low) | (has64Bits ? UInt64(try reader.u32()) << 32 : 0)
        } catch {
            throw .corrupt(.truncated)
        }
    }

    /// - Parameter size: the size of the image, in bytes.
    func check(imageSize size: UInt64) throws(ExtfsError) {
        guard magic == 0xEF53 else { throw .corrupt(.notExtfs) }
        // Blocks of 1 to 64 KiB; a group has one block for each of its bitmaps.
        guard logBlockSize <= 6 else { throw .corrupt(.superblock) }
        let blockSize = UInt64(1024) << UInt64(logBlockSize)
        guard (256...8 * blockSize).contains(UInt64(blocksPerGroup)),
            (1...8 * blockSize).contains(UInt64(inodesPerGroup)), inodes > 0
        else { throw .corrupt(.superblock) }
        guard blocks <= size / blockSize else { throw .corrupt(.truncated) }
    }
}
