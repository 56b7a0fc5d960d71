extension UInt8 {
    var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    var isDigit: Bool { (0x30...0x39).contains(self) }
    var isLetter: Bool { (0x61...0x7A).contains(self | 0x20) }
    /// Whether it may be part of a variable name.
    var isNameCharacter: Bool { self == 0x5F || isDigit || isLetter }
    var lowercased: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }
}

extension ArraySlice<UInt8> {
    var trimmedLeft: ArraySlice<UInt8> { drop { $0.isBlank } }

    var trimmed: ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !$0.isBlank }), let last = lastIndex(where: { !$0.isBlank }) else {
            return []
        }
        return self[first...last]
    }

    var text: String { String(decoding: self, as: UTF8.self) }
}

extension String {
    var bytes: ArraySlice<UInt8> { Array(utf8)[...] }
    /// The text without ASCII blanks at both ends.
    var trimmed: String { bytes.trimmed.text }
    /// The text with ASCII letters in lower case: names of instructions and stages have no others.
    var lowercasedASCII: String { String(decoding: utf8.map(\.lowercased), as: UTF8.self) }
    var uppercasedASCII: String {
        String(decoding: utf8.map { (0x61...0x7A).contains($0) ? $0 & 0xDF : $0 }, as: UTF8.self)
    }
}
