import Base
import ELF
import Linux

/// What an ELF library says about itself without being loaded; elf(5), 64 bits, little-endian.
struct LibraryFacts {
    /// Defined symbols that other libraries can see.
    private(set) var exported: [String] = []
    /// DT_RPATH and DT_RUNPATH.
    private(set) var searchPaths: [String] = []

    private struct Section {
        let type: UInt32
        let offset: Int
        let size: Int
        let link: Int
    }

    init(reading path: String) throws(SkiffError) {
        let bytes = try during("cannot read \(path)") { () throws(Errno) in try readFile(path, limit: 1 << 28) }
        do throws(ByteReader.Truncated) {
            try self.init(parsing: bytes)
        } catch {
            throw SkiffError("cannot read \(path): not a library, or a damaged one")
        }
    }

    init(parsing bytes: [UInt8]) throws(ByteReader.Truncated) {
        guard let header = ELFHeader(bytes), header.width == 2, !header.isBigEndian else {
            throw ByteReader.Truncated(offset: 0)
        }
        let sections = try Self.sections(bytes)
        for section in sections {
            guard sections.indices.contains(section.link) else { continue }
            let strings = sections[section.link]
            switch section.type {
            case 11: try readSymbols(bytes, section, strings)
            case 6: try readDynamic(bytes, section, strings)
            default: break
            }
        }
    }

    /// The table of sections: e_shoff at 40, e_shnum at 60, 64 bytes each.
    private static func sections(_ bytes: [UInt8]) throws(ByteReader.Truncated) -> [Section] {
        var reader = ByteReader(bytes.span.bytes)
        try reader.seek(to: 40)
        let table = try place(try reader.u64(), bytes)
        try reader.seek(to: 60)
        let count = Int(try reader.u16())
        var sections: [Section] = []
        for index in 0..<count {
            try reader.seek(to: table)
            try reader.skip(index * 64 + 4)
            let type = try reader.u32()
            try reader.skip(16)
            let offset = try place(try reader.u64(), bytes)
            // A section without bytes in the file (.bss) may be larger than the file.
            let size = type == 8 ? 0 : try place(try reader.u64(), bytes)
            if type == 8 { try reader.skip(8) }
            sections.append(Section(type: type, offset: offset, size: size, link: Int(try reader.u32())))
        }
        return sections
    }

    /// Returns a number from the file as an offset into it.
    private static func place(_ value: UInt64, _ bytes: [UInt8]) throws(ByteReader.Truncated) -> Int {
        guard let place = Int(exactly: value), place <= bytes.count else { throw ByteReader.Truncated(offset: 0) }
        return place
    }

    /// Reads symbols of 24 bytes: name (u32), info (u8: binding in the upper half), other (u8), section (u16), value,
    /// size.
    private mutating func readSymbols(_ bytes: [UInt8], _ table: Section, _ strings: Section)
        throws(ByteReader.Truncated)
    {
        var reader = ByteReader(bytes.span.bytes)
        for index in 0..<(table.size / 24) {
            try reader.seek(to: table.offset)
            try reader.skip(index * 24)
            let name = Int(try reader.u32())
            let binding = try reader.u8() >> 4
            let visibility = try reader.u8() & 3
            let section = try reader.u16()
            // Global or weak, default or protected, defined.
            guard binding == 1 || binding == 2, visibility == 0 || visibility == 3, section != 0 else { continue }
            exported.append(try Self.text(bytes, strings, name))
        }
    }

    private mutating func readDynamic(_ bytes: [UInt8], _ table: Section, _ strings: Section)
        throws(ByteReader.Truncated)
    {
        var reader = ByteReader(bytes.span.bytes)
        try reader.seek(to: table.offset)
        for _ in 0..<(table.size / 16) {
            let tag = try reader.u64()
            let value = try reader.u64()
            if tag == 0 { break }
            if tag == 15 || tag == 29, let place = Int(exactly: value) {
                searchPaths.append(try Self.text(bytes, strings, place))
            }
        }
    }

    private static func text(_ bytes: [UInt8], _ strings: Section, _ offset: Int) throws(ByteReader.Truncated) -> String
    {
        guard offset >= 0, offset < strings.size, strings.offset + strings.size <= bytes.count else {
            throw ByteReader.Truncated(offset: strings.offset)
        }
        let field = bytes[(strings.offset + offset)..<(strings.offset + strings.size)]
        return String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }
}
