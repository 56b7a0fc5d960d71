package import PluginKit

/// The first block of a PEM text (RFC 7468), which may be a private key.
package struct PEMBlock {
    /// `RSA PRIVATE KEY`.
    package let label: String
    /// Whether a passphrase protects it.
    package let isEncrypted: Bool
    package let content: SecretBytes

    /// No key is larger.
    package static let longest = 64 << 10

    /// - Returns: nil where there is no block, or a broken one.
    package init?(firstOf text: UnsafeRawBufferPointer) throws(PluginError) {
        guard text.count <= Self.longest else { return nil }
        var lines = Lines(text: text)
        var label: String?
        while label == nil {
            guard let line = lines.next() else { return nil }
            label = Self.label(line, "-----BEGIN ")
        }
        guard let label else { return nil }
        let decoder = try Base64(room: text.count)
        var isEncrypted = label.hasPrefix("ENCRYPTED ")
        while let line = lines.next() {
            if Self.label(line, "-----END ") == label {
                guard let content = try decoder.finish() else { return nil }
                (self.label, self.isEncrypted, self.content) = (label, isEncrypted, content)
                return
            }
            // Headers of RFC 1421; no digit of base64 is a colon.
            if line.contains(UInt8(ascii: ":")) {
                if String(decoding: line, as: UTF8.self).contains("ENCRYPTED") { isEncrypted = true }
            } else if !decoder.append(line) {
                return nil
            }
        }
        return nil
    }

    private static func label(_ line: UnsafeRawBufferPointer, _ start: String) -> String? {
        let end = "-----"
        guard line.count >= start.utf8.count + end.utf8.count, line.starts(with: start.utf8),
            line.suffix(end.utf8.count).elementsEqual(end.utf8)
        else { return nil }
        return String(decoding: line.dropFirst(start.utf8.count).dropLast(end.utf8.count), as: UTF8.self)
    }

    /// Returns bytes as a block, with lines of 64 columns.
    package static func text(_ label: String, _ bytes: [UInt8]) -> [UInt8] {
        var result = Array("-----BEGIN \(label)-----\n".utf8)
        let digits = Base64.text(bytes)
        for start in stride(from: 0, to: digits.count, by: 64) {
            result += digits[start..<min(start + 64, digits.count)] + [UInt8(ascii: "\n")]
        }
        return result + Array("-----END \(label)-----\n".utf8)
    }
}

/// Lines without their ends and without blanks around them; nothing is copied.
private struct Lines {
    let text: UnsafeRawBufferPointer
    var at = 0

    init(text: UnsafeRawBufferPointer) { self.text = text }

    mutating func next() -> UnsafeRawBufferPointer? {
        guard at < text.count else { return nil }
        var end = at
        while end < text.count && text[end] != UInt8(ascii: "\n") { end += 1 }
        var line = text[at..<end]
        at = end + 1
        while let last = line.last, [0x0D, 0x20, 0x09].contains(last) { line.removeLast() }
        while let first = line.first, [0x20, 0x09].contains(first) { line.removeFirst() }
        return UnsafeRawBufferPointer(rebasing: line)
    }
}
