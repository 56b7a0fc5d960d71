import Linux

/// Reads JSON (RFC 8259) into the values that `JSONText` writes: members keep their order, and all of them are kept.
///
/// It reads foreign text, such as labels and records of images: nesting and length are bounded, and numbers other than
/// 64-bit integers are refused, since no document here has them.
package struct JSONReader {
    /// The offset in bytes at which reading stopped, and what was expected there.
    package struct Malformed: Error, Equatable, CustomStringConvertible {
        package let offset: Int
        package let expected: String

        package init(offset: Int, expected: String) { (self.offset, self.expected) = (offset, expected) }

        package var description: String { "not valid JSON at byte \(offset): expected \(expected)" }
    }

    private static let deepest = 64

    private let bytes: [UInt8]
    private var offset = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads one value, surrounded by white space at most. Bytes that are not UTF-8 become U+FFFD.
    package static func read(_ bytes: [UInt8]) throws(Malformed) -> JSONText {
        var reader = JSONReader(bytes)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.offset == bytes.count else { throw reader.malformed("the end") }
        return value
    }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func malformed(_ expected: String) -> Malformed { Malformed(offset: offset, expected: expected) }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        offset += 1
        return true
    }

    private mutating func value(depth: Int) throws(Malformed) -> JSONText {
        guard depth < Self.deepest else { throw malformed("less nesting") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try integer()
        }
    }

    private mutating func word(_ text: String, _ value: JSONText) throws(Malformed) -> JSONText {
        guard bytes[offset...].starts(with: text.utf8) else { throw malformed("a value") }
        offset += text.utf8.count
        return value
    }

    private mutating func integer() throws(Malformed) -> JSONText {
        var end = offset
        if next == UInt8(ascii: "-") { end += 1 }
        while end < bytes.count, (0x30...0x39).contains(bytes[end]) { end += 1 }
        let text = String(decoding: bytes[offset..<end], as: UTF8.self)
        let digits = text.drop { $0 == "-" }
        let isFraction = end < bytes.count && [0x2E, 0x65, 0x45].contains(bytes[end])
        guard !isFraction, digits.count == 1 || !digits.hasPrefix("0") else {
            throw malformed(digits.isEmpty ? "a value" : "a whole number")
        }
        let value: JSONText? = Int64(text).map { .integer($0) } ?? UInt64(text).map { .unsigned($0) }
        guard let value else { throw malformed(digits.isEmpty ? "a value" : "a whole number") }
        offset = end
        return value
    }

    private mutating func array(_ depth: Int) throws(Malformed) -> JSONText {
        offset += 1
        var values: [JSONText] = []
        if take(UInt8(ascii: "]")) { return .array(values) }
        repeat { values.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw malformed("] or ,") }
        return .array(values)
    }

    private mutating func object(_ depth: Int) throws(Malformed) -> JSONText {
        offset += 1
        var members: [JSONText.Member] = []
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw malformed("the name of a member") }
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw malformed(":") }
            members.append(JSONText.Member(name, try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw malformed("} or ,") }
        return .object(members)
    }

    private mutating func string() throws(Malformed) -> String {
        offset += 1
        var text: [UInt8] = []
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                // JSON is UTF-8 (RFC 8259 §8.1): invalid bytes are repaired, as in Go.
                return String(bytes: Array(String(decoding: text, as: UTF8.self).utf8))
            case UInt8(ascii: "\\"): text += Array(String(try escape()).utf8)
            case 0..<0x20:
                offset -= 1
                throw malformed("no control character")
            default: text.append(byte)
            }
        }
        throw malformed("\"")
    }

    /// Returns the character that an escape means, after its backslash.
    private mutating func escape() throws(Malformed) -> Unicode.Scalar {
        guard let byte = next else { throw malformed("an escape") }
        let simple: [UInt8: Unicode.Scalar] = [
            0x22: "\"", 0x5C: "\\", 0x2F: "/", 0x62: "\u{8}", 0x66: "\u{C}", 0x6E: "\n", 0x72: "\r", 0x74: "\t",
        ]
        if let scalar = simple[byte] {
            offset += 1
            return scalar
        }
        guard byte == UInt8(ascii: "u") else { throw malformed("an escape") }
        offset += 1
        let unit = try hexadecimal()
        guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
        // A lone surrogate becomes U+FFFD, as in Go, and what follows is read separately.
        let start = offset
        if bytes[offset...].starts(with: [0x5C, 0x75]) {
            offset += 2
            let low = try hexadecimal()
            if (0xDC00..<0xE000).contains(low) {
                return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
            }
            offset = start
        }
        return "\u{FFFD}"
    }

    private mutating func hexadecimal() throws(Malformed) -> UInt32 {
        let digits = bytes[offset...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw malformed("four hexadecimal digits") }
        offset += 4
        return value
    }
}

extension JSONText {
    /// The value of a member; the last of equal names counts, as in Go. Nil also for a value that is not an object.
    package subscript(name: String) -> JSONText? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    package var stringValue: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}
