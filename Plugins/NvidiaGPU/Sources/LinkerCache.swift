import Linux

/// The dynamic linker's list of libraries, /etc/ld.so.cache, which `ldconfig -p` prints.
///
/// Two formats exist, little-endian here (glibc, sysdeps/generic/dl-cache.h):
/// * the old one: magic `ld.so-1.7.0`, padding to 12, count (u32); entries of 12 bytes: flags, name, path; the offsets
///   of names and paths count from the end of the entries;
/// * the new one: magic `glibc-ld.so.cache1.1`, count (u32), size of the strings (u32), 20 bytes more; entries of 24
///   bytes: flags, name, path, version (u32), hardware capabilities (u64); offsets count from its own beginning. A file
///   may hold the old one with the new one after it, at the next multiple of eight; then the new one counts.
package struct LinkerCache: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        /// `libcuda.so.1`.
        package let name: String
        /// Absolute.
        package let path: String
        package init(name: String, path: String) { (self.name, self.path) = (name, path) }
    }

    package private(set) var entries: [Entry] = []

    /// Why a file is not such a list, with the offset in bytes.
    package struct Malformed: Error, Equatable {
        package let offset: Int
    }

    private static let oldMagic = Array("ld.so-1.7.0".utf8)
    private static let newMagic = Array("glibc-ld.so.cache1.1".utf8)

    package init(parsing bytes: [UInt8]) throws(Malformed) {
        if bytes.starts(with: Self.newMagic) {
            try readNew(bytes, at: 0)
        } else if bytes.starts(with: Self.oldMagic) {
            try readOld(bytes)
        } else {
            throw Malformed(offset: 0)
        }
    }

    private mutating func readOld(_ bytes: [UInt8]) throws(Malformed) {
        let count = try Self.u32(bytes, at: 12)
        // At most 12 * 2^32: no overflow in 64 bits.
        let strings = 16 + count * 12
        guard strings <= bytes.count else { throw Malformed(offset: 12) }
        let behind = (strings + 7) & ~7
        if behind <= bytes.count, bytes[behind...].starts(with: Self.newMagic) {
            return try readNew(bytes, at: behind)
        }
        for index in 0..<count { try add(bytes, entry: 16 + index * 12, base: strings) }
    }

    private mutating func readNew(_ bytes: [UInt8], at start: Int) throws(Malformed) {
        let count = try Self.u32(bytes, at: start + 20)
        guard start + 48 + count * 24 <= bytes.count else { throw Malformed(offset: start + 20) }
        for index in 0..<count { try add(bytes, entry: start + 48 + index * 24, base: start) }
    }

    /// The type of an entry that is an ELF library for glibc 2: `FLAG_ELF_LIBC6`. The machine is looked up in the file.
    private static let elfLibc6 = 3

    private mutating func add(_ bytes: [UInt8], entry: Int, base: Int) throws(Malformed) {
        guard try Self.u32(bytes, at: entry) & 0xFF == Self.elfLibc6 else { return }
        let name = try Self.text(bytes, at: base + (try Self.u32(bytes, at: entry + 4)))
        let path = try Self.text(bytes, at: base + (try Self.u32(bytes, at: entry + 8)))
        entries.append(Entry(name: name, path: path))
    }

    private static func u32(_ bytes: [UInt8], at offset: Int) throws(Malformed) -> Int {
        do throws(ByteReader.Truncated) {
            var reader = ByteReader(bytes.span.bytes, at: offset)
            return Int(try reader.u32())
        } catch {
            throw Malformed(offset: offset)
        }
    }

    /// The kernel's limit of a path; a longer string is not a path.
    private static let longest = 4096

    private static func text(_ bytes: [UInt8], at offset: Int) throws(Malformed) -> String {
        guard offset >= 0, offset < bytes.count else { throw Malformed(offset: offset) }
        let text = bytes[offset...].prefix(longest).prefix { $0 != 0 }
        guard offset + text.count < bytes.count, text.count < longest else { throw Malformed(offset: offset) }
        return String(decoding: text, as: UTF8.self)
    }
}
