/// The squashfs 4.0 around an encrypted file and its `gocryptfs.conf`: both are stored as they are, so that the file's blocks can be
/// written at their places before its size is known. What comes before it and behind it is made here; Docs/spec/encryption.md §5.
struct OuterSquashfs {
    /// Where the encrypted file begins.
    static let contentOffset: UInt64 = 96
    private static let blockSize = 128 << 10
    private static let blockLog: UInt16 = 17
    /// Of a block of tables.
    private static let tableBlock = 8192
    /// Of a block that is not compressed: in the list of a file, and in a table.
    private static let plainBlock: UInt32 = 1 << 24, plainTable: UInt16 = 1 << 15
    private static let none = UInt64.max

    /// The name of the encrypted file.
    let name: String
    /// Its size in bytes.
    let size: UInt64
    let configuration: [UInt8]
    /// In seconds since 1970.
    let time: UInt32

    /// What stands at the start, and what follows the encrypted file.
    struct Parts {
        let start: [UInt8]
        let end: [UInt8]
        /// Of all, in bytes.
        let size: UInt64
    }

    func parts() -> Parts {
        let configurationName = GocryptfsConfiguration.name
        let configurationOffset = Self.contentOffset + size
        let tables = configurationOffset + UInt64(configuration.count)
        var inodes = inode(.file, mode: 0o400, number: 1)
        // Its offset may need more than 32 bits.
        inodes += fileRecord(at: configurationOffset, UInt64(configuration.count))
        let second = inodes.count
        inodes += inode(.file, mode: 0o600, number: 2)
        inodes += fileRecord(at: Self.contentOffset, size)
        let root = inodes.count
        var listing = Self.bytes(UInt32(1)) + Self.bytes(UInt32(0)) + Self.bytes(UInt32(1))
        for (index, entry) in [(configurationName, 0), (name, second)].enumerated() {
            listing += Self.bytes(UInt16(entry.1)) + Self.bytes(UInt16(index)) + Self.bytes(UInt16(2))
            listing += Self.bytes(UInt16(entry.0.utf8.count - 1)) + Array(entry.0.utf8)
        }
        inodes += inode(.directory, mode: 0o755, number: 3)
        inodes += Self.bytes(UInt32(0)) + Self.bytes(UInt32(2)) + Self.bytes(UInt16(listing.count + 3))
        inodes += Self.bytes(UInt16(0)) + Self.bytes(UInt32(4))

        var end = configuration + Self.table(inodes)
        let directories = tables + UInt64(end.count - configuration.count)
        end += Self.table(listing)
        let owners = tables + UInt64(end.count - configuration.count)
        end += Self.table(Self.bytes(UInt32(0)))
        let ownerIndex = tables + UInt64(end.count - configuration.count)
        end += Self.bytes(owners)
        let used = tables + UInt64(end.count - configuration.count)
        let (block, offset) = root.quotientAndRemainder(dividingBy: Self.tableBlock)
        let rootReference = UInt64(block * (Self.tableBlock + 2)) << 16 | UInt64(offset)
        let start = superblock(
            root: rootReference, used: used, owners: ownerIndex, inodes: tables, directories: directories)
        let padding = (4096 - used % 4096) % 4096
        return Parts(start: start, end: end + [UInt8](repeating: 0, count: Int(padding)), size: used + padding)
    }

    private enum Kind: UInt16 {
        case directory = 1
        /// With numbers of 64 bits.
        case file = 9
    }

    private func inode(_ kind: Kind, mode: UInt16, number: UInt32) -> [UInt8] {
        Self.bytes(kind.rawValue) + Self.bytes(mode) + Self.bytes(UInt16(0)) + Self.bytes(UInt16(0))
            + Self.bytes(time) + Self.bytes(number)
    }

    private func fileRecord(at offset: UInt64, _ size: UInt64) -> [UInt8] {
        var result = Self.bytes(offset) + Self.bytes(size) + Self.bytes(UInt64(0)) + Self.bytes(UInt32(1))
        // No fragment, no attributes.
        result += Self.bytes(UInt32.max) + Self.bytes(UInt32(0)) + Self.bytes(UInt32.max)
        var left = size
        while left > 0 {
            let next = min(left, UInt64(Self.blockSize))
            result += Self.bytes(UInt32(next) | Self.plainBlock)
            left -= next
        }
        return result
    }

    private static func table(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: tableBlock) {
            let part = bytes[start..<min(start + tableBlock, bytes.count)]
            result += Self.bytes(UInt16(part.count) | plainTable) + part
        }
        return result
    }

    private func superblock(root: UInt64, used: UInt64, owners: UInt64, inodes: UInt64, directories: UInt64) -> [UInt8]
    {
        // Not compressed: inodes, data, fragments, owners. No fragments, no attributes.
        let flags: UInt16 = 0x1 | 0x2 | 0x8 | 0x10 | 0x200 | 0x800
        var result = Array("hsqs".utf8) + Self.bytes(UInt32(3)) + Self.bytes(time) + Self.bytes(UInt32(Self.blockSize))
        // No fragments, gzip, which every reader knows, and one owner.
        result += Self.bytes(UInt32(0)) + Self.bytes(UInt16(1)) + Self.bytes(Self.blockLog) + Self.bytes(flags)
        result += Self.bytes(UInt16(1)) + Self.bytes(UInt16(4)) + Self.bytes(UInt16(0)) + Self.bytes(root)
        result += Self.bytes(used) + Self.bytes(owners) + Self.bytes(Self.none) + Self.bytes(inodes)
        return result + Self.bytes(directories) + Self.bytes(Self.none) + Self.bytes(Self.none)
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
}
