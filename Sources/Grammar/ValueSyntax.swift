/// Why a text is not a value of its kind, in the words that Apptainer's users see.
package struct ValueProblem: Error, Equatable {
    package let text: String
    package init(_ text: String) { self.text = text }
}

/// `1 t T TRUE true True`, `0 f F FALSE false False` and nothing else.
package func parseBoolean(_ text: String) throws(ValueProblem) -> Bool {
    switch text {
    case "1", "t", "T", "TRUE", "true", "True": return true
    case "0", "f", "F", "FALSE", "false", "False": return false
    default: throw ValueProblem("strconv.ParseBool: parsing \(quoted(text)): invalid syntax")
    }
}

/// Decimal, `0x`, `0o`, `0b` or a leading 0 for octal; `_` may stand between digits and after such a prefix.
package func parseInteger(_ text: String, bits: Int = 64, isSigned: Bool = true) throws(ValueProblem) -> Int {
    let function = isSigned ? "ParseInt" : "ParseUint"
    func problem(_ reason: String) -> ValueProblem {
        ValueProblem("strconv.\(function): parsing \(quoted(text)): \(reason)")
    }
    var rest = Array(text.utf8)[...]
    var isNegative = false
    if isSigned, let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
        isNegative = sign == UInt8(ascii: "-")
        rest = rest.dropFirst()
    }
    let radix = takeRadix(&rest)
    guard let digits = significantDigits(rest, radix: radix) else { throw problem("invalid syntax") }
    // Wide unsigned numbers are not needed; an Int holds the rest.
    let largest = bits >= 64 ? Int.max : (1 << (isSigned ? bits - 1 : bits)) - 1
    var value = 0
    for digit in digits {
        let (product, tooBig) = value.multipliedReportingOverflow(by: radix)
        let (sum, overflow) = product.subtractingReportingOverflow(digit)
        // Counted downwards, because the smallest integer has no positive twin.
        guard !tooBig, !overflow else { throw problem("value out of range") }
        value = sum
    }
    guard value >= -largest - (isNegative ? 1 : 0) else { throw problem("value out of range") }
    return isNegative ? value : -value
}

private func takeRadix(_ rest: inout ArraySlice<UInt8>) -> Int {
    guard rest.first == UInt8(ascii: "0"), rest.count > 1 else { return 10 }
    switch rest.dropFirst().first.map({ $0 | 0x20 }) {
    case UInt8(ascii: "x"):
        rest = rest.dropFirst(2)
        return 16
    case UInt8(ascii: "o"):
        rest = rest.dropFirst(2)
        return 8
    case UInt8(ascii: "b"):
        rest = rest.dropFirst(2)
        return 2
    default:
        rest = rest.dropFirst()
        return 8
    }
}

/// Returns the digits without separators; nil for a character that is no digit, or a `_` that is not between digits.
private func significantDigits(_ bytes: ArraySlice<UInt8>, radix: Int) -> [Int]? {
    var digits: [Int] = []
    var mayFollow = radix != 10
    for byte in bytes {
        if byte == UInt8(ascii: "_") {
            guard mayFollow else { return nil }
            mayFollow = false
            continue
        }
        let digit: Int
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int(byte) - 0x30
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = Int(byte) - 0x61 + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = Int(byte) - 0x41 + 10
        default: return nil
        }
        guard digit < radix else { return nil }
        digits.append(digit)
        mayFollow = true
    }
    guard !digits.isEmpty, mayFollow else { return nil }
    return digits
}

/// Reads one pair, or several between commas when there is more than one `=`.
package func parsePairs(_ text: String) throws(ValueProblem) -> [Assignment.Pair] {
    let count = text.utf8.reduce(0) { $1 == UInt8(ascii: "=") ? $0 + 1 : $0 }
    let parts: [String]
    switch count {
    case 0: parts = [text]
    case 1: parts = [trimmingQuotes(text)]
    default: parts = try parseCSV(text)
    }
    var pairs: [Assignment.Pair] = []
    for part in parts {
        guard let equals = part.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            throw ValueProblem("\(part) must be formatted as key=value")
        }
        pairs.append(.init(String(part[..<equals]), String(part[part.utf8.index(after: equals)...])))
    }
    return pairs
}

private func trimmingQuotes(_ text: String) -> String {
    var bytes = text.utf8[...]
    while bytes.first == UInt8(ascii: "\"") { bytes = bytes.dropFirst() }
    while bytes.last == UInt8(ascii: "\"") { bytes = bytes.dropLast() }
    return String(Substring(bytes))
}

/// Returns a text between double quotes with the escapes of C, as messages show values.
package func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        default: result += escaped(scalar)
        }
    }
    return result + "\""
}

/// Returns a character between single quotes, as messages about short flags show it. `byte` is one byte, not a
/// character.
func quoted(short byte: UInt8) -> String {
    let scalar = UnicodeScalar(byte)
    return "'" + (scalar == "'" ? "\\'" : escaped(scalar)) + "'"
}

private func escaped(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\\": return "\\\\"
    case "\n": return "\\n"
    case "\t": return "\\t"
    case "\r": return "\\r"
    case "\u{07}": return "\\a"
    case "\u{08}": return "\\b"
    case "\u{0C}": return "\\f"
    case "\u{0B}": return "\\v"
    default: break
    }
    guard scalar.value < 0x20 || scalar.value == 0x7F || (0x80..<0xA0).contains(scalar.value) || scalar.value == 0xAD
    else { return String(scalar) }
    let digits = String(scalar.value, radix: 16)
    return scalar.value < 0x80
        ? "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
        : "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
}
