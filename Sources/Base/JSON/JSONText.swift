import Linux

/// A JSON value to be written: RFC 8259. Members keep their order, because scripts compare our output with Apptainer's.
/// Reading JSON is not part of the launch path.
package indirect enum JSONText: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// One above the highest of those.
    case unsigned(UInt64)
    case string(String)
    case array([JSONText])
    case object([Member])

    package struct Member: Sendable, Equatable {
        package let name: String
        package let value: JSONText
        package init(_ name: String, _ value: JSONText) {
            self.name = name
            self.value = value
        }
    }

    /// Returns an object with members in the order given; those whose value is nil are left out.
    package static func members(_ pairs: KeyValuePairs<String, JSONText?>) -> JSONText {
        .object(pairs.compactMap { name, value in value.map { Member(name, $0) } })
    }

    package static func strings(_ texts: [String]) -> JSONText { .array(texts.map { .string($0) }) }

    /// Returns the value as text: on one line without `indent`, otherwise one member or element per line, indented by
    /// it. `<`, `>` and `&` are written as escapes, as in Go and as Apptainer's readers see them; so is what a terminal
    /// would obey.
    package func text(indent: String? = nil) -> String {
        var result = ""
        write(into: &result, indent: indent, depth: 0)
        return result
    }

    private func write(into text: inout String, indent: String?, depth: Int) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .unsigned(let value): text += String(value)
        case .string(let value): Self.quote(value, into: &text)
        case .array(let values):
            Self.list("[", "]", values, into: &text, indent, depth) { value, text in
                value.write(into: &text, indent: indent, depth: depth + 1)
            }
        case .object(let members):
            Self.list("{", "}", members, into: &text, indent, depth) { member, text in
                Self.quote(member.name, into: &text)
                text += indent == nil ? ":" : ": "
                member.value.write(into: &text, indent: indent, depth: depth + 1)
            }
        }
    }

    private static func list<Element>(
        _ open: String, _ close: String, _ elements: [Element], into text: inout String, _ indent: String?,
        _ depth: Int,
        write: (Element, inout String) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            newLine(into: &text, indent, depth + 1)
            write(element, &text)
        }
        if !elements.isEmpty { newLine(into: &text, indent, depth) }
        text += close
    }

    private static func newLine(into text: inout String, _ indent: String?, _ depth: Int) {
        guard let indent else { return }
        text += "\n" + String(repeating: indent, count: depth)
    }

    private static func quote(_ value: String, into text: inout String) {
        text += "\""
        // What no JSON can hold is written as messages show it.
        let shown =
            String(validating: value.bytes, as: UTF8.self)
            ?? value.unicodeScalars.map { $0.isEscapedByte ? $0.escape : String($0) }.joined()
        for scalar in shown.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{8}": text += "\\b"
            case "\u{C}": text += "\\f"
            case "<", ">", "&",
                _ where scalar.isUnsafe && scalar.value <= 0xFFFF:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
