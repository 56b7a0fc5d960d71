import Base
import CSquashfs

/// The objects of libsquashfs that write one image.
final class OutputImage {
    let file: OutputFile
    let options: SquashfsOptions
    /// Compresses tables; the processor makes copies for its threads.
    let compressor: CompressorObject
    private let decompressor: CompressorObject
    private let blocks: LibraryObject<UnsafeMutablePointer<sqfs_block_writer_t>>
    let fragments: OpaqueObject
    let processor: OpaqueObject
    let identities: OpaqueObject
    let xattrs: OpaqueObject
    var superblock = sqfs_super_t()

    init(_ file: OutputFile, _ options: SquashfsOptions) throws(SkiffError) {
        (self.file, self.options) = (file, options)
        compressor = try Self.makeCompressor(options, file)
        decompressor = try Self.makeCompressor(options, file, flags: UInt16(SQFS_COMP_FLAG_UNCOMPRESS.rawValue))
        blocks = try LibraryObject(sqfs_block_writer_create(file.base, 4096, 0))
        fragments = try OpaqueObject(sqfs_frag_table_create(0))
        identities = try OpaqueObject(sqfs_id_table_create(0))
        xattrs = try OpaqueObject(sqfs_xattr_writer_create(0))
        processor = try Self.makeProcessor(
            options, file, compressor.pointer, decompressor.pointer, blocks.pointer, fragments.pointer)
        try begin()
    }

    /// Writes the superblock, which is written again at the end, and the compressor's options after it.
    private func begin() throws(SkiffError) {
        try file.check(sqfs_super_init(&superblock, options.blockSize, 0, Self.identifier(options.compression.method)))
        try file.check(sqfs_super_write(&superblock, file.base))
        let written = compressor.pointer.pointee.write_options?(compressor.pointer, file.base) ?? 0
        try file.check(written)
        if written > 0 { superblock.flags |= UInt16(SQFS_FLAG_COMPRESSOR_OPTIONS.rawValue) }
    }

    /// Writes the remaining tables and the superblock.
    func finish(_ records: InodeRecords, root: UInt64, newest: UInt32) throws(SkiffError) {
        superblock.root_inode_ref = root
        superblock.inode_count = UInt32(records.count)
        superblock.modification_time = options.latestTime ?? newest
        try file.check(sqfs_id_table_write(identities.pointer, file.base, &superblock, compressor.pointer))
        try file.check(sqfs_xattr_writer_flush(xattrs.pointer, file.base, &superblock, compressor.pointer))
        superblock.bytes_used = file.size
        try file.check(sqfs_super_write(&superblock, file.base))
    }

    private static func identifier(_ method: ImageCompression.Method) -> SQFS_COMPRESSOR {
        switch method {
        case .zstd: SQFS_COMP_ZSTD
        case .gzip: SQFS_COMP_GZIP
        case .lz4: SQFS_COMP_LZ4
        case .xz: SQFS_COMP_XZ
        }
    }

    private static func makeCompressor(
        _ options: SquashfsOptions, _ file: OutputFile, flags: UInt16 = 0
    ) throws(SkiffError) -> CompressorObject {
        let compression = options.compression
        var flags = flags
        if compression.method == .lz4, compression.level == 2, flags == 0 {
            flags |= UInt16(SQFS_COMP_FLAG_LZ4_HC.rawValue)
        }
        var configuration = sqfs_compressor_config_t()
        try file.check(
            sqfs_compressor_config_init(&configuration, identifier(compression.method), options.blockSize, flags))
        if compression.method != .lz4 { configuration.level = compression.level }
        var compressor: UnsafeMutablePointer<sqfs_compressor_t>?
        try file.check(sqfs_compressor_create(&configuration, &compressor))
        return try CompressorObject(compressor)
    }

    /// Makes the block processor. It gets the file and a decompressor, so that it compares bytes when checksums are
    /// equal.
    private static func makeProcessor(
        _ options: SquashfsOptions, _ file: OutputFile, _ compressor: UnsafeMutablePointer<sqfs_compressor_t>,
        _ decompressor: UnsafeMutablePointer<sqfs_compressor_t>, _ blocks: UnsafeMutablePointer<sqfs_block_writer_t>,
        _ fragments: OpaquePointer
    ) throws(SkiffError) -> OpaqueObject {
        var description = sqfs_block_processor_desc_t()
        description.size = UInt32(MemoryLayout<sqfs_block_processor_desc_t>.size)
        description.max_block_size = UInt32(options.blockSize)
        description.num_workers = UInt32(options.threads)
        // The number of blocks that wait for a thread or to be written; they are all the memory that data takes.
        description.max_backlog = UInt32(options.backlog)
        description.cmp = compressor
        description.uncmp = decompressor
        description.wr = blocks
        description.tbl = fragments
        description.file = file.base
        var processor: OpaquePointer?
        try file.check(sqfs_block_processor_create_ex(&description, &processor))
        return try OpaqueObject(processor)
    }
}
