import Base
import Linux

/// One `directive = value` line. The words of the name have one space between them.
struct SettingsLine: Sendable, Equatable {
    var name: String
    /// What follows `=`, without white space around it.
    var text: String
    /// From 1.
    var number: Int

    /// Parts between commas, without white space around them and without empty ones.
    var values: [String] { Self.values(in: text) }

    static func values(in text: String) -> [String] {
        text.utf8.split(separator: UInt8(ascii: ",")).map { trimmed($0) }.filter { !$0.isEmpty }.map {
            String(Substring($0))
        }
    }

    /// The value where only one counts: what precedes the first comma, if there is one.
    var first: String? { text.utf8.contains(UInt8(ascii: ",")) ? values.first : text }

    /// Lines that start with `#`, that have no `=` or that have no value are skipped.
    static func all(in bytes: [UInt8]) -> [SettingsLine] {
        var lines: [SettingsLine] = []
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let content = trimmed(line)
            guard content.first != UInt8(ascii: "#"), let equals = content.firstIndex(of: UInt8(ascii: "=")) else {
                continue
            }
            let value = trimmed(content[(equals + 1)...])
            let name = spacedOnce(trimmed(content[..<equals]))
            guard !value.isEmpty, !name.isEmpty else { continue }
            lines.append(.init(name: name, text: String(bytes: value), number: number))
        }
        return lines
    }
}

/// Words with one space between them.
private func spacedOnce(_ bytes: ArraySlice<UInt8>) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for byte in bytes {
        let isGap = isSpace(byte)
        if isGap && result.last == 0x20 { continue }
        result.append(isGap ? 0x20 : byte)
    }
    return String(bytes: result)
}

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

private func trimmed<Bytes: BidirectionalCollection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence {
    var rest = bytes[...]
    while let first = rest.first, isSpace(first) { rest = rest.dropFirst() }
    while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
    return rest
}

/// Takes values from the lines of a file. Of several lines for one value the first counts, as in Apptainer.
struct SettingsReader: SettingsVisitor {
    private let lines: [SettingsLine]
    private let fileName: String
    /// Every line before this one was taken by a directive. Files mostly follow the order of the table, so that a
    /// search from here ends at once.
    private var start = 0
    /// Whether a directive took the line of the same index.
    private var isTaken: [Bool]

    init(lines: [SettingsLine], fileName: String) {
        self.lines = lines
        self.fileName = fileName
        isTaken = Array(repeating: false, count: lines.count)
    }

    /// The lines that no directive took, without those that only repeat one.
    var others: [PluginLine] {
        lines.indices.filter { !isTaken[$0] }.compactMap { index in
            let name = lines[index].name
            if lines[..<index].indices.contains(where: { isTaken[$0] && lines[$0].name == name }) { return nil }
            return PluginLine(line: lines[index], file: fileName)
        }
    }

    private mutating func find(_ name: String) -> SettingsLine? {
        guard let found = lines[start...].firstIndex(where: { $0.name == name }) else { return nil }
        if found == start { start += 1 }
        isTaken[found] = true
        return lines[found]
    }

    private func problem(_ line: SettingsLine, _ wanted: String) -> SkiffError {
        PluginLine(line: line, file: fileName).problem(wanted)
    }

    mutating func section(_ title: String) {}

    mutating func flag(_ name: String, _ value: inout Bool, _ comment: String) throws(SkiffError) {
        guard let line = find(name), let text = line.first else { return }
        switch text {
        case "yes": value = true
        case "no": value = false
        default: throw problem(line, "yes or no")
        }
    }

    mutating func word<Word: SettingsWord>(_ name: String, _ value: inout Word, _ comment: String) throws(SkiffError) {
        guard let line = find(name), let text = line.first else { return }
        guard let word = Word(rawValue: text) else {
            throw problem(line, "one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        value = word
    }

    mutating func number(_ name: String, _ value: inout Int, _ comment: String) throws(SkiffError) {
        guard let line = find(name), let text = line.first else { return }
        // The largest number that fits wherever it is used, also in bytes for a value in MiB.
        guard let number = Int32(text), number >= 0 else { throw problem(line, "a number up to \(Int32.max)") }
        value = Int(number)
    }

    mutating func text(_ name: String, _ value: inout String, _ comment: String) {
        if let line = find(name) { value = line.text }
    }

    mutating func list(_ name: String, _ value: inout [String], _ comment: String) {
        // A file that does not name a list makes it empty.
        value = []
        for index in lines[start...].indices where lines[index].name == name {
            value += lines[index].values
            isTaken[index] = true
        }
        while start < lines.count, lines[start].name == name { start += 1 }
    }
}
