import Linux

/// A line of a definition file.
struct DefinitionLine {
    /// Counted from 1.
    let number: Int
    /// Without line feed, and without the carriage return of a file that came from Windows.
    var bytes: ArraySlice<UInt8>
    /// What ends it: line feed, carriage return and line feed, or nothing at the end of the file.
    var end: ArraySlice<UInt8> = [0x0A]

    /// All lines; a last one without line feed counts.
    static func all(_ text: [UInt8]) -> [DefinitionLine] {
        var lines: [DefinitionLine] = []
        var rest = text[...]
        while !rest.isEmpty {
            let feed = rest.firstIndex(of: 0x0A) ?? rest.endIndex
            let line = rest[..<feed]
            let bytes = line.last == 0x0D ? line.dropLast() : line
            let next = feed == rest.endIndex ? feed : feed + 1
            lines.append(DefinitionLine(number: lines.count + 1, bytes: bytes, end: rest[bytes.endIndex..<next]))
            rest = rest[next...]
        }
        return lines
    }

    var trimmed: ArraySlice<UInt8> { bytes.trimmed }

    /// Whether it is blank, or a comment.
    var isEmpty: Bool { trimmed.isEmpty || trimmed.first == 0x23 }
    /// Whether it begins a section. A marker after blanks is an error, and no text either.
    var isMarker: Bool { trimmed.first == 0x25 }
    /// Whether it begins a stage: with `bootstrap:` in the first column, in any case.
    var isBootstrap: Bool { bytes.prefix(10).map(\.lowercased).elementsEqual("bootstrap:".utf8) }

    /// What stands before a `#`.
    var withoutComment: ArraySlice<UInt8> { bytes.prefix { $0 != 0x23 } }
}

extension UInt8 {
    var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    var lowercased: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
    var isWordCharacter: Bool { self == 0x5F || (0x30...0x39).contains(self) || (0x61...0x7A).contains(lowercased) }
}

extension ArraySlice<UInt8> {
    var trimmed: ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !$0.isBlank }), let last = lastIndex(where: { !$0.isBlank }) else {
            return []
        }
        return self[first...last]
    }

    func dropLast(while predicate: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        guard let last = lastIndex(where: { !predicate($0) }) else { return self[..<startIndex] }
        return self[...last]
    }

    var text: String { String(bytes: self) }
}
