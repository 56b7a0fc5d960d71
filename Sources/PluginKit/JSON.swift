/// A value of JSON (RFC 8259), as configuration files have it. Numbers stay the text that they were.
public indirect enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSON])
    /// In the order of the file.
    case object([Member])

    public struct Member: Equatable, Sendable {
        public var name: String
        public var value: JSON
        public init(_ name: String, _ value: JSON) { (self.name, self.value) = (name, value) }
    }

    public struct Problem: Error, Equatable {
        /// In bytes.
        public let offset: Int
        public let reason: String
    }

    public init(parsing bytes: [UInt8]) throws(Problem) {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document()
    }

    /// The member of an object, the first of that name; nil elsewhere.
    public subscript(_ name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    public var text: String? { if case .string(let text) = self { text } else { nil } }
    public var items: [JSON] { if case .array(let items) = self { items } else { [] } }
    public var isTrue: Bool { self == .bool(true) }
    public var integer: Int? { if case .number(let text) = self { Int(text) } else { nil } }

    /// With one member more, or another value of it.
    public func with(_ name: String, _ value: JSON) -> JSON {
        guard case .object(var members) = self else { return self }
        members.removeAll { $0.name == name }
        return .object(members + [Member(name, value)])
    }

    /// Returns the value as text on one line.
    public var serialized: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text): text
        case .string(let text): Self.quoted(text)
        case .array(let items): "[" + items.map(\.serialized).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { Self.quoted($0.name) + ":" + $0.value.serialized }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var at = 0
    private var depth = 0
    private static let deepest = 64

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func problem(_ reason: String) -> JSON.Problem { .init(offset: at, reason: reason) }

    mutating func document() throws(JSON.Problem) -> JSON {
        let value = try value()
        skipBlanks()
        guard next == nil else { throw problem("there is more after the value") }
        return value
    }

    private mutating func skipBlanks() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { at += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard next == byte else { return false }
        at += 1
        return true
    }

    private mutating func value() throws(JSON.Problem) -> JSON {
        skipBlanks()
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw problem("it is nested too deep") }
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: String, _ value: JSON) throws(JSON.Problem) -> JSON {
        guard bytes[at...].starts(with: text.utf8) else { throw problem("a value is expected") }
        at += text.utf8.count
        return value
    }

    private mutating func number() throws(JSON.Problem) -> JSON {
        let start = at
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        while let byte = next, digits.contains(byte) || "+-.eE".utf8.contains(byte) { at += 1 }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        guard let first = text.utf8.first(where: { $0 != UInt8(ascii: "-") }), digits.contains(first),
            Double(text) != nil
        else {
            at = start
            throw problem("a value is expected")
        }
        return .number(text)
    }

    private mutating func array() throws(JSON.Problem) -> JSON {
        at += 1
        var items: [JSON] = []
        if take(UInt8(ascii: "]")) { return .array(items) }
        repeat { items.append(try value()) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw problem("',' or ']' is expected") }
        return .array(items)
    }

    private mutating func object() throws(JSON.Problem) -> JSON {
        at += 1
        var members: [JSON.Member] = []
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw problem("a name in quotes is expected") }
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw problem("':' is expected") }
            members.append(.init(name, try value()))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw problem("',' or '}' is expected") }
        return .object(members)
    }

    private mutating func string() throws(JSON.Problem) -> String {
        at += 1
        var text: [UInt8] = []
        while let byte = next {
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw problem("the text is not UTF-8")
                }
                return result
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw problem("a control character stands in a text")
            default: text.append(byte)
            }
        }
        throw problem("a text does not end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSON.Problem) {
        let plain: [UInt8: UInt8] = [
            0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 8, 0x66: 12, 0x6E: 10, 0x72: 13, 0x74: 9,
        ]
        guard let letter = next else { throw problem("a text does not end") }
        at += 1
        if let byte = plain[letter] { return text.append(byte) }
        guard letter == UInt8(ascii: "u") else { throw problem("unknown escape") }
        var code = try unit()
        if (0xD800..<0xDC00).contains(code) {
            guard bytes[at...].starts(with: [0x5C, UInt8(ascii: "u")]) else { throw problem("half a character") }
            at += 2
            let low = try unit()
            guard (0xDC00..<0xE000).contains(low) else { throw problem("half a character") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw problem("half a character") }
        text += Array(String(Character(scalar)).utf8)
    }

    private mutating func unit() throws(JSON.Problem) -> UInt32 {
        guard at + 4 <= bytes.count, let code = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw problem("\\u needs four digits") }
        at += 4
        return code
    }
}
