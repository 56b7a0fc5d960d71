func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
}

/// Whether text is small letters, digits and dashes, and begins with a letter or digit.
func isFlagName(_ text: String) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.count <= 64 else { return false }
    return text.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "-") || (isAlphanumeric(byte) && !(0x41...0x5A).contains(byte))
    }
}

/// Whether text is like `org.example.hello`: at least two parts, each formed like a flag's name.
package func isPluginID(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count >= 2 && text.utf8.count <= 128 && parts.allSatisfy { isFlagName(String($0)) }
}

/// Whether text is one component of a path, not hidden, of harmless characters.
func isFileName(_ text: String) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "."), text.utf8.count <= 255 else { return false }
    return text.utf8.allSatisfy { isAlphanumeric($0) || Array("._+-".utf8).contains($0) }
}

/// Whether text is the part of a variable's name behind `APPTAINER_`.
func isEnvironmentKey(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 64 && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
}

/// Whether text is words of harmless characters with one blank between them.
func isDirectiveName(_ text: String) -> Bool {
    text.utf8.count <= 128
        && text.split(separator: " ", omittingEmptySubsequences: false).allSatisfy { word in
            !word.isEmpty && word.utf8.allSatisfy { isAlphanumeric($0) || Array("-_.".utf8).contains($0) }
        }
}

/// Whether text means itself in every shell's completion script.
func isPlainValue(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { isAlphanumeric($0) || Array("._+:/@%-".utf8).contains($0) }
}

/// Returns `0.1` or `0.1-0.3` as numbers of the interface.
func parseABIRange(_ text: String) -> ClosedRange<UInt32>? {
    func number(_ part: Substring) -> UInt32? {
        let halves = part.split(separator: ".", omittingEmptySubsequences: false)
        guard halves.count == 2, let major = UInt16(halves[0]), let minor = UInt16(halves[1]) else { return nil }
        return UInt32(major) << 16 | UInt32(minor)
    }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    guard let first = ends.first, let last = ends.last, ends.count <= 2 else { return nil }
    guard let low = number(first), let high = number(last), low <= high else { return nil }
    return low...high
}

/// Returns the first text that repeats an earlier one.
func firstRepeated(_ texts: [String]) -> String? {
    if texts.count < 2 { return nil }
    var seen: Set<String> = []
    return texts.first { !seen.insert($0).inserted }
}

/// Whether a text can be a word of `--network`, or a name or domain of hosts: letters, digits, `-`, `_` and `.`.
func isNetworkName(_ text: String) -> Bool {
    (1...253).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: ".")
        && text.utf8.allSatisfy {
            isAlphanumeric($0) || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains($0)
        }
}
