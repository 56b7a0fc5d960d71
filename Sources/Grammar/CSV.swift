/// Returns the fields of the first record of comma-separated values (RFC 4180), with the errors that Apptainer reports.
///
/// A field that begins with `"` runs to the next single `"`; `""` inside stands for one. Empty text has no field.
package func parseCSV(_ text: String) throws(ValueProblem) -> [String] {
    guard !text.isEmpty else { return [] }
    // Nearly every value is a plain list; such a list needs no handling of quotes.
    let bytes = Array(text.utf8)
    if !bytes.contains(where: { $0 == UInt8(ascii: "\"") || $0 == newline || $0 == carriageReturn }) {
        return bytes.split(separator: comma, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }
    var record = Record(bytes)
    return try record.fields()
}

private let comma = UInt8(ascii: ",")
private let quote = UInt8(ascii: "\"")
private let newline = UInt8(ascii: "\n")
private let carriageReturn = UInt8(ascii: "\r")

/// A cursor over one record. Columns count bytes from 1, lines from 1.
private struct Record {
    private let bytes: [UInt8]
    private var position = 0
    private var lineStart = 0
    private var line = 1
    private var firstLine = 1

    init(_ bytes: [UInt8]) {
        // A carriage return before a line break belongs to the break.
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            if byte == carriageReturn, index + 1 == bytes.count || bytes[index + 1] == newline { continue }
            kept.append(byte)
        }
        self.bytes = kept
    }

    private var isAtEnd: Bool { position >= bytes.count }
    private var isAtLineEnd: Bool { isAtEnd || bytes[position] == newline }

    mutating func fields() throws(ValueProblem) -> [String] {
        while !isAtEnd, bytes[position] == newline { startLine() }
        guard !isAtEnd else { throw ValueProblem("EOF") }
        firstLine = line
        var fields: [String] = []
        while true {
            let isQuoted = !isAtLineEnd && bytes[position] == quote
            fields.append(try isQuoted ? quotedField() : plainField())
            guard !isAtLineEnd else {
                // Go reads one record and forgets the rest: a part of a name would be taken for the whole.
                if let rest = bytes[position...].firstIndex(where: { $0 != newline }) {
                    while position < rest { startLine() }
                    throw problem("a line break that is not in double quotes", at: position)
                }
                return fields
            }
            position += 1
        }
    }

    private mutating func startLine() {
        position += 1
        line += 1
        lineStart = position
    }

    private mutating func plainField() throws(ValueProblem) -> String {
        let start = position
        while !isAtLineEnd, bytes[position] != comma {
            if bytes[position] == quote { throw problem("bare \" in non-quoted-field", at: position) }
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func quotedField() throws(ValueProblem) -> String {
        var field: [UInt8] = []
        position += 1
        while !isAtEnd {
            let byte = bytes[position]
            guard byte == quote else {
                field.append(byte)
                if byte == newline { startLine() } else { position += 1 }
                continue
            }
            position += 1
            if isAtLineEnd || bytes[position] == comma { return String(decoding: field, as: UTF8.self) }
            guard bytes[position] == quote else { throw unbalanced(at: position - 1) }
            field.append(quote)
            position += 1
        }
        throw unbalanced(at: position)
    }

    private func unbalanced(at place: Int) -> ValueProblem {
        problem("extraneous or missing \" in quoted-field", at: place)
    }

    private func problem(_ reason: String, at place: Int) -> ValueProblem {
        let column = place - lineStart + 1
        let start = firstLine == line ? "" : "record on line \(firstLine); "
        return ValueProblem("\(start)parse error on line \(line), column \(column): \(reason)")
    }
}
