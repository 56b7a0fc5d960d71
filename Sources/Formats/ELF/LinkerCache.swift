/// The dynamic linker's list of libraries, /etc/ld.so.cache, which `ldconfig -p` prints.
///
/// Two formats exist, little-endian here (glibc, sysdeps/generic/dl-cache.h):
/// * the old one: magic `ld.so-1.7.0`, padding to 12, count (u32); entries of 12 bytes: flags, name, path; the offsets
///   of names and paths count from the end of the entries;
/// * the new one: magic `glibc-ld.so.cache1.1`, count (u32), size of the strings (u32), 20 bytes more; entries of 24
///   bytes: flags, name, path, version (u32), hardware capabilities (u64); offsets count from its own beginning. A file
///   may hold the old one with the new one after it, at the next multiple of eight; then the new one counts.
public enum LinkerCache {
    /// Why a file is not such a list, with the offset in bytes.
    public struct Malformed: Error, Equatable {
        public let offset: Int
        public init(offset: Int) { self.offset = offset }
    }

    private static let oldMagic = Array("ld.so-1.7.0".utf8)
    private static let newMagic = Array("glibc-ld.so.cache1.1".utf8)

    public typealias Visitor = (_ name: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>) -> Void

    /// Visits the libraries in the order of the list, without making strings of them.
    public static func read(_ bytes: [UInt8], _ visit: Visitor) throws(Malformed) {
        if bytes.starts(with: newMagic) {
            try readNew(bytes, at: 0, visit)
        } else if bytes.starts(with: oldMagic) {
            try readOld(bytes, visit)
        } else {
            throw Malformed(offset: 0)
        }
    }

    private static func readOld(_ bytes: [UInt8], _ visit: Visitor) throws(Malformed) {
        let count = try u32(bytes, at: 12)
        // At most 12 * 2^32: no overflow in 64 bits.
        let strings = 16 + count * 12
        guard strings <= bytes.count else { throw Malformed(offset: 12) }
        let next = (strings + 7) & ~7
        if next <= bytes.count, bytes[next...].starts(with: newMagic) { return try readNew(bytes, at: next, visit) }
        for index in 0..<count { try read(bytes, entry: 16 + index * 12, base: strings, visit) }
    }

    private static func readNew(_ bytes: [UInt8], at start: Int, _ visit: Visitor) throws(Malformed) {
        let count = try u32(bytes, at: start + 20)
        guard start + 48 + count * 24 <= bytes.count else { throw Malformed(offset: start + 20) }
        for index in 0..<count { try read(bytes, entry: start + 48 + index * 24, base: start, visit) }
    }

    /// The type of an entry that is an ELF library for glibc 2: `FLAG_ELF_LIBC6`. The machine is looked up in the file.
    private static let elfLibc6 = 3

    private static func read(_ bytes: [UInt8], entry: Int, base: Int, _ visit: Visitor) throws(Malformed) {
        guard try u32(bytes, at: entry) & 0xFF == elfLibc6 else { return }
        let name = try text(bytes, at: base + (try u32(bytes, at: entry + 4)))
        visit(name, try text(bytes, at: base + (try u32(bytes, at: entry + 8))))
    }

    private static func u32(_ bytes: [UInt8], at offset: Int) throws(Malformed) -> Int {
        guard offset >= 0, bytes.count - offset >= 4 else { throw Malformed(offset: offset) }
        return (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    /// The kernel's limit of a path; a longer string is not a path.
    private static let longest = 4096

    private static func text(_ bytes: [UInt8], at offset: Int) throws(Malformed) -> ArraySlice<UInt8> {
        guard offset >= 0, offset < bytes.count else { throw Malformed(offset: offset) }
        let text = bytes[offset...].prefix(longest).prefix { $0 != 0 }
        guard offset + text.count < bytes.count, text.count < longest else { throw Malformed(offset: offset) }
        return text
    }
}
