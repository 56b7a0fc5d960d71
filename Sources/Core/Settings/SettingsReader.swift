/// One `directive = value` line. The words of the name have one space between them.
struct SettingsLine: Sendable, Equatable {
    var name: String
    /// Behind `=`, without white space around it.
    var text: String
    /// From 1.
    var number: Int

    /// Parts between commas, without white space around them and without empty ones.
    var values: [String] {
        text.utf8.split(separator: UInt8(ascii: ",")).map { trimmed($0) }.filter { !$0.isEmpty }.map {
            String(Substring($0))
        }
    }

    /// Lines that start with `#`, that have no `=` and that have no value are nothing.
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
            let words = content[..<equals].split(whereSeparator: isSpace)
            guard !value.isEmpty, !words.isEmpty else { continue }
            let name = words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
            lines.append(.init(name: name, text: String(decoding: value, as: UTF8.self), number: number))
        }
        return lines
    }
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
    /// Files mostly have the order of the table, so the search goes on where the last one ended.
    private var next = 0

    init(lines: [SettingsLine], fileName: String) {
        self.lines = lines
        self.fileName = fileName
    }

    private mutating func find(_ name: String) -> SettingsLine? {
        let found = lines[next...].firstIndex { $0.name == name } ?? lines[..<next].firstIndex { $0.name == name }
        guard let found else { return nil }
        // Not behind an earlier line of the same name: the first counts.
        let first = lines[..<found].firstIndex { $0.name == name } ?? found
        next = first + 1
        return lines[first]
    }

    private func problem(_ line: SettingsLine, _ wanted: String) -> SkiffError {
        SkiffError(
            "cannot use line \(line.number) of \(fileName): \(line.name) = \(line.text)", hint: "It must be \(wanted)")
    }

    mutating func section(_ title: String) {}

    mutating func flag(_ name: String, _ value: inout Bool, _ comment: String) throws(SkiffError) {
        guard let line = find(name), let text = line.values.first else { return }
        switch text {
        case "yes": value = true
        case "no": value = false
        default: throw problem(line, "yes or no")
        }
    }

    mutating func word<Word: SettingsWord>(_ name: String, _ value: inout Word, _ comment: String) throws(SkiffError) {
        guard let line = find(name), let text = line.values.first else { return }
        guard let word = Word(rawValue: text) else {
            throw problem(line, "one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        value = word
    }

    mutating func number(_ name: String, _ value: inout Int, _ comment: String) throws(SkiffError) {
        guard let line = find(name), let text = line.values.first else { return }
        // The largest that fits wherever such a number goes, also in bytes for what is meant in MiB.
        guard let number = Int32(text), number >= 0 else { throw problem(line, "a number up to \(Int32.max)") }
        value = Int(number)
    }

    mutating func text(_ name: String, _ value: inout String, _ comment: String) {
        if let line = find(name) { value = line.text }
    }

    mutating func list(_ name: String, _ value: inout [String], _ comment: String) {
        // A file that does not name a list says that it is empty.
        value = lines.filter { $0.name == name }.flatMap(\.values)
    }
}
