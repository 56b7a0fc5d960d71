import ELF
import Linux
import Shell

/// The interpreter that a file names, read as the kernel reads it: what the kernel does not check decides nothing here.
package enum ProgramInterpreter {
    /// Returns the words of a `#!` line, interpreter and at most one argument; execve(2). A NUL ends the line.
    /// - Parameter head: the first 256 bytes, BINPRM_BUF_SIZE.
    package static func ofScript(_ head: [UInt8]) -> [[UInt8]]? {
        guard head.starts(with: "#!".utf8) else { return nil }
        let line = head.dropFirst(2).prefix { $0 != ASCII.newline && $0 != ASCII.null }
        let trimmed = line.drop(while: ASCII.isBlank)
        guard let end = trimmed.firstIndex(where: ASCII.isBlank) else {
            return trimmed.isEmpty ? nil : [Array(trimmed)]
        }
        var rest = trimmed[end...].drop(while: ASCII.isBlank)
        while let last = rest.last, ASCII.isBlank(last) { rest = rest.dropLast() }
        return [Array(trimmed[..<end])] + (rest.isEmpty ? [] : [Array(rest)])
    }

    private static let interpreterSegment: UInt64 = 3
    /// PATH_MAX, the kernel's limit.
    private static let longest: UInt64 = 4096
    /// The kernel's limit of the table of segments, in bytes.
    private static let largestTable = 65536

    /// Returns what the segment PT_INTERP of an ELF program holds, elf(5): none where there is none, and two where the
    /// file is one program to the kernel's loader of 64 bits and another to that of 32. Each of them looks at the
    /// machine, but not at the class and byte order that the file claims to have.
    /// - Parameter read: bytes of the file, fewer where it ends; nil if it cannot be read.
    package static func ofELF(_ read: (_ offset: Int64, _ count: Int) -> [UInt8]?) -> [[UInt8]] {
        guard let head = read(0, 64), ELFHeader(head) != nil else { return [] }
        return [true, false].compactMap { interpreter(head, isWide: $0, read) }
    }

    private static func interpreter(
        _ head: [UInt8], isWide: Bool, _ read: (Int64, Int) -> [UInt8]?
    ) -> [UInt8]? {
        let size = isWide ? 56 : 32
        guard let start = isWide ? number(head, 32, 8) : number(head, 28, 4),
            let count = number(head, isWide ? 56 : 44, 2), count > 0, size * Int(count) <= largestTable,
            let place = Int64(exactly: start), let table = read(place, size * Int(count))
        else { return nil }
        for entry in stride(from: 0, to: table.count - size + 1, by: size) {
            guard number(table, entry, 4) == interpreterSegment,
                let offset = isWide ? number(table, entry + 8, 8) : number(table, entry + 4, 4),
                let length = isWide ? number(table, entry + 32, 8) : number(table, entry + 16, 4),
                length <= longest, let offset = Int64(exactly: offset), let bytes = read(offset, Int(length))
            else { continue }
            return Array(bytes.prefix { $0 != ASCII.null })
        }
        return nil
    }

    /// Numbers are in the byte order of this machine, whatever the file says.
    private static func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64? {
        guard offset >= 0, offset + size <= bytes.count else { return nil }
        let field = bytes[offset..<offset + size]
        #if _endian(big)
        return field.reduce(0) { $0 << 8 | UInt64($1) }
        #else
        return field.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        #endif
    }
}
