/// RFC 4648 §4, as docker config files and basic authorization use it.
enum Base64 {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            word <<= UInt32((3 - group.count) * 8)
            for digit in 0..<4 {
                text.append(digit <= group.count ? letters[Int(word >> UInt32(18 - 6 * digit) & 63)] : 0x3D)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: nil for anything but base64. Padding may be absent; white space is skipped.
    static func decode(_ text: String) -> [UInt8]? {
        var (word, bits) = (UInt32(0), 0)
        var bytes: [UInt8] = []
        for letter in text.utf8 where letter > 0x20 && letter != 0x3D {
            guard let value = letters.firstIndex(of: letter) else { return nil }
            word = (word << 6 | UInt32(value)) & 0xFFFF
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        }
        return bytes
    }
}
