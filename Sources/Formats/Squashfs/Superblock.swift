import Linux

/// How the blocks of an image are compressed; the number is the one on disk.
package enum Compression: UInt16, Sendable, CaseIterable {
    case gzip = 1
    case lzma = 2
    case lzo = 3
    case xz = 4
    case lz4 = 5
    case zstd = 6
}

/// The first 96 bytes of an image, Docs/spec/squashfs-and-ext3.md §1.1. A value of this type has passed the checks that
/// need no other part of the image.
package struct Superblock: Sendable, Equatable {
    package static let length = 96
    /// The position of a table that the image does not have.
    static let absent = UInt64.max

    package let inodeCount: UInt32
    /// Seconds since 1970.
    package let created: UInt32
    /// In bytes, a power of two from 4 KiB to 1 MiB.
    package let blockSize: Int
    package let fragmentCount: UInt32
    package let compression: Compression
    package let flags: UInt16
    package let identityCount: UInt16
    package let root: InodeReference
    /// The length of the image without padding, in bytes.
    package let bytesUsed: UInt64
    let identityTable: UInt64
    let xattrTable: UInt64
    let inodeTable: UInt64
    let directoryTable: UInt64
    let fragmentTable: UInt64
    let exportTable: UInt64

    /// Whether any inode can have extended attributes.
    package var hasXattrs: Bool { xattrTable != Self.absent }
    package var hasExportTable: Bool { exportTable != Self.absent }

    /// - Parameter available: the length of the source, in bytes.
    package init(_ bytes: [UInt8], available: UInt64) throws(SquashfsError) {
        let magic: UInt32
        let (algorithm, log, major, minor): (UInt16, UInt16, UInt16, UInt16)
        do throws(ByteReader.Truncated) {
            var reader = ByteReader(bytes.span.bytes)
            magic = try reader.u32()
            inodeCount = try reader.u32()
            created = try reader.u32()
            blockSize = Int(try reader.u32())
            fragmentCount = try reader.u32()
            algorithm = try reader.u16()
            log = try reader.u16()
            flags = try reader.u16()
            identityCount = try reader.u16()
            major = try reader.u16()
            minor = try reader.u16()
            root = InodeReference(rawValue: try reader.u64())
            bytesUsed = try reader.u64()
            identityTable = try reader.u64()
            xattrTable = try reader.u64()
            inodeTable = try reader.u64()
            directoryTable = try reader.u64()
            fragmentTable = try reader.u64()
            exportTable = try reader.u64()
        } catch {
            throw .notSquashfs
        }
        guard magic == Self.magic else { throw .notSquashfs }
        guard major == 4, minor == 0 else { throw .unsupported(.version(major: major, minor: minor)) }
        guard let known = Compression(rawValue: algorithm) else { throw .unsupported(.compression(algorithm)) }
        compression = known
        guard (12...20).contains(log), blockSize == 1 << Int(log) else { throw .corrupt(.blockSize) }
        try checkTables(available: available)
    }

    /// `hsqs`, read as a little-endian number.
    private static let magic: UInt32 = 0x7371_7368

    private func checkTables(available: UInt64) throws(SquashfsError) {
        guard bytesUsed <= available else { throw .corrupt(.truncated) }
        guard bytesUsed <= UInt64(Int64.max), bytesUsed >= UInt64(Self.length), identityCount > 0 else {
            throw .corrupt(.superblock)
        }
        let required = [inodeTable, directoryTable, identityTable]
        let optional = [fragmentTable, exportTable, xattrTable].filter { $0 != Self.absent }
        for table in required + optional {
            guard table >= UInt64(Self.length), table < bytesUsed else { throw .corrupt(.tableOutside) }
        }
        guard inodeTable < directoryTable else { throw .corrupt(.superblock) }
        guard fragmentCount == 0 || fragmentTable != Self.absent else { throw .corrupt(.superblock) }
    }
}
