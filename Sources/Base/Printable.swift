import CLinux
package import Linux

/// Text of images, registries, manifests and plugins contains whatever its author likes: a line feed forges a line of
/// ours, an escape sequence changes what a terminal shows or types, an override of the writing direction reverses names
/// (CVE-2021-42574).
extension StringProtocol {
    /// The text with all such characters made visible, as `\n` or `\x1b`. Tabs stay.
    package var printable: String { escaped(keeping: "\t") }

    /// The same for text of many lines, whose line feeds are its own.
    package var printableLines: String { escaped(keeping: "\t\n") }

    /// The same for a field of a table, where a tab would move the others; every character is shown by its number.
    package var printableField: String { escaped(keeping: "", byNumber: true) }

    private func escaped(keeping kept: String, byNumber: Bool = false) -> String {
        // Most text has none: only bytes that can begin one are looked at closely.
        guard utf8.contains(where: mayBeginUnsafe) else { return String(self) }
        var result = ""
        for scalar in unicodeScalars {
            if !scalar.isUnsafe || kept.unicodeScalars.contains(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += byNumber ? scalar.number : scalar.escape
            }
        }
        return result
    }
}

private func mayBeginUnsafe(_ byte: UInt8) -> Bool {
    switch byte {
    case 0..<0x20, 0x7F, 0xC2, 0xD8, 0xE2, 0xF4: true
    default: false
    }
}

extension Unicode.Scalar {
    /// C0, DEL and C1; marks and overrides of the writing direction; separators of lines and paragraphs; what is not UTF-8.
    var isUnsafe: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: isEscapedByte
        }
    }

    var escape: String {
        switch self {
        case "\n": return "\\n"
        case "\r": return "\\r"
        default: return number
        }
    }

    fileprivate var number: String {
        let value = isEscapedByte ? value & 0xFF : value
        let digits = String(value, radix: 16)
        return value < 0x100
            ? "\\x" + String(repeating: "0", count: 2 - digits.utf8.count) + digits
            : "\\u" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
}

/// Writes a command's answer to stdout. A terminal sees no control characters but line feeds and tabs; a script gets
/// the bytes as they are.
package func writeAnswer(_ text: String) throws(Errno) {
    try writeFully(1, isatty(1) == 1 ? text.printableLines : text)
}
