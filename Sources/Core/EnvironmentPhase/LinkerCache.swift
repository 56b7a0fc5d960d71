import Linux
import Shell

/// The cache of glibc's dynamic linker, /etc/ld.so.cache: which directories hold its libraries.
///
/// Layout of `glibc-ld.so.cache1.1`, little-endian: magic and version (20 bytes), number of entries u32, length of the
/// string table u32, 20 bytes of flags and extension offset, then entries of 24 bytes: flags i32, key u32, value u32,
/// OS version u32, hardware capabilities u64. Key and value are offsets of NUL-terminated text from the magic.
/// An older table may stand before it; the magic is then found at an aligned place behind.
enum LinkerCache {
    private static let magic = Array("glibc-ld.so.cache1.1".utf8)
    private static let oldMagic = Array("ld.so-1.7.0".utf8)

    /// In the order of first mention; empty if the bytes are no such cache.
    static func directories(_ bytes: [UInt8]) -> [[UInt8]] {
        do throws(ByteReader.Truncated) {
            let start = try newTable(bytes)
            guard bytes.count - start >= 48, bytes[start..<start + 20].elementsEqual(magic) else { return [] }
            return try entries(bytes, at: start)
        } catch {
            return []
        }
    }

    private static func newTable(_ bytes: [UInt8]) throws(ByteReader.Truncated) -> Int {
        guard bytes.starts(with: oldMagic) else { return 0 }
        var reader = ByteReader(bytes.span.bytes, at: 12)
        let count = Int(try reader.u32())
        // Entries of the old table: 12 bytes each after a header of 16; then aligned to 8.
        let end = 16 + count * 12
        return (end + 7) & ~7
    }

    private static func entries(_ bytes: [UInt8], at start: Int) throws(ByteReader.Truncated) -> [[UInt8]] {
        var reader = ByteReader(bytes.span.bytes, at: start + 20)
        let count = Int(try reader.u32())
        try reader.seek(to: start + 48)
        var result: [[UInt8]] = []
        for _ in 0..<min(count, 100_000) {
            try reader.skip(8)
            let value = Int(try reader.u32())
            try reader.skip(12)
            guard let directory = directory(bytes, at: start + value), !result.contains(directory) else { continue }
            result.append(directory)
        }
        return result
    }

    private static func directory(_ bytes: [UInt8], at offset: Int) -> [UInt8]? {
        guard offset < bytes.count else { return nil }
        let path = bytes[offset...].prefix(4096).prefix { $0 != 0 }
        guard path.first == ASCII.slash, let slash = path.lastIndex(of: ASCII.slash), slash > path.startIndex
        else {
            return nil
        }
        let directory = Array(path[..<slash])
        // hwcaps directories are chosen by the linker itself.
        return directory.contains(ASCII.colon)
            || String(bytes: directory).contains("/glibc-hwcaps/")
            ? nil : directory
    }
}
