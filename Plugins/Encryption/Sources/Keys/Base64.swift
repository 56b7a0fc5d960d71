import PluginKit

/// Base64 (RFC 4648) into the memory of a secret, and into text.
final class Base64 {
    private let result: SecretBytes
    private var count = 0
    private var bits: UInt32 = 0
    private var digits = 0
    private var padding = 0

    /// - Parameter room: for so many bytes of the result at most.
    init(room: Int) throws(PluginError) { result = try SecretBytes(count: room) }

    /// - Returns: false for what is no base64.
    func append(_ text: UnsafeRawBufferPointer) -> Bool {
        for letter in text {
            if letter == UInt8(ascii: "=") {
                padding += 1
                guard padding <= 2 else { return false }
                continue
            }
            guard padding == 0, let value = Self.value(letter) else { return false }
            bits = bits << 6 | value
            digits += 1
            if digits % 4 == 0 { guard flush(3) else { return false } }
        }
        return true
    }

    /// - Returns: nil when the text was cut off.
    func finish() throws(PluginError) -> SecretBytes? {
        let rest = digits % 4
        guard padding == (4 - rest) % 4, rest != 1 else { return nil }
        if rest > 0 {
            bits <<= UInt32(6 * (4 - rest))
            guard flush(rest - 1) else { return nil }
        }
        return try result.prefix(count)
    }

    private func flush(_ bytes: Int) -> Bool {
        guard count + bytes <= result.count else { return false }
        result.withMutableBytes { place in
            for index in 0..<bytes { place[count + index] = UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * index)) }
        }
        count += bytes
        bits = 0
        return true
    }

    private static func value(_ letter: UInt8) -> UInt32? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// Returns the bytes that a text without line ends stands for, or nil.
    static func bytes(_ text: String, limit: Int = 64 << 10) throws(PluginError) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count <= limit else { return nil }
        let decoder = try Base64(room: digits.count)
        guard digits.withUnsafeBytes({ decoder.append($0) }) else { return nil }
        return try decoder.finish()?.withBytes { Array($0) }
    }

    /// Returns bytes as digits on one line.
    static func text(_ bytes: [UInt8]) -> [UInt8] {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for index in 0..<4 {
                result.append(
                    index <= group.count ? letters[Int(bits >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
            }
        }
        return result
    }
}
