import Linux

/// Fills in build variables, `{{ NAME }}`; Docs/spec/deffile.md §5.
struct Template {
    let arguments: BuildArguments
    /// Names that were filled in somewhere.
    private(set) var used: Set<String> = []
    private(set) var warnings: [(line: Int, text: String)] = []
    /// The `%arguments` of the stage that is being filled in.
    private var defaults: [String: String] = [:]

    init(_ arguments: BuildArguments) { self.arguments = arguments }

    /// A stage as it was written, as it is meant.
    mutating func fill(_ lines: ArraySlice<DefinitionLine>) throws(DefinitionError) -> [DefinitionLine] {
        defaults = readDefaults(lines)
        var result: [DefinitionLine] = []
        result.reserveCapacity(lines.count)
        for line in Self.joined(lines) { result += try fill(line) }
        return result
    }

    /// A placeholder may go over the end of a line; then its lines are one for the time of filling in.
    private static func joined(_ lines: ArraySlice<DefinitionLine>) -> [DefinitionLine] {
        var result: [DefinitionLine] = []
        for line in lines {
            if let last = result.last, let open = unclosed(last.bytes) {
                let both = last.bytes[open...] + [0x0A] + line.bytes
                if placeholder(both) != nil || unclosed(both) != nil {
                    let bytes = last.bytes + [0x0A] + line.bytes
                    result[result.count - 1] = DefinitionLine(number: last.number, bytes: bytes, end: line.end)
                    continue
                }
            }
            result.append(line)
        }
        return result
    }

    /// Where `{{`, perhaps with a name, stands at the end of the line and has not found its braces yet.
    static func unclosed(_ bytes: ArraySlice<UInt8>) -> Int? {
        let beforeName = bytes.dropLast(while: \.isBlank).dropLast(while: \.isWordCharacter)
        let braces = beforeName.dropLast(while: \.isBlank)
        guard braces.suffix(2) == [0x7B, 0x7B], !isComment(bytes[..<(braces.endIndex - 2)]) else { return nil }
        return braces.endIndex - 2
    }

    /// Reads the `NAME=VALUE` lines of the stage. Other lines are left out with a warning.
    private mutating func readDefaults(_ lines: ArraySlice<DefinitionLine>) -> [String: String] {
        var values: [String: String] = [:]
        var isInside = false
        for line in lines {
            if line.isMarker {
                let name = line.bytes.dropFirst().prefix { $0 != 0x20 }
                isInside = name.map(\.lowercased).elementsEqual("arguments".utf8)
            } else if isInside, !line.isEmpty {
                if let (name, value) = BuildArguments.split(line.trimmed.text), !name.isEmpty {
                    values[name] = value
                } else {
                    let problem = BuildArguments.problem(line.trimmed.text)
                    warnings.append(
                        (line.number, "Skipping \"\(line.trimmed.text)\" in 'arguments' section: \(problem)"))
                }
            }
        }
        return values
    }

    /// A value may hold line feeds: one line can become several, all of the same number.
    private mutating func fill(_ line: DefinitionLine) throws(DefinitionError) -> [DefinitionLine] {
        let filled = try fill(line.bytes, line) ?? Array(line.bytes)
        var parts = filled.split(separator: 0x0A, omittingEmptySubsequences: false)[...]
        let last = parts.popLast() ?? []
        return parts.map { DefinitionLine(number: line.number, bytes: $0) }
            + [DefinitionLine(number: line.number, bytes: last, end: line.end)]
    }

    /// Nil when there is nothing to fill in.
    private mutating func fill(
        _ bytes: ArraySlice<UInt8>, _ line: DefinitionLine, isValue: Bool = false
    ) throws(DefinitionError) -> [UInt8]? {
        var result: [UInt8] = []
        var done = bytes.startIndex
        var rest = bytes
        while let open = rest.firstIndex(of: 0x7B) {
            guard let found = Self.placeholder(bytes[open...]) else {
                rest = rest[(open + 1)...]
                continue
            }
            rest = rest[found.end...]
            if !isValue, Self.isComment(bytes[..<open]) { continue }
            guard let value = value(of: found.name) else {
                throw DefinitionError(
                    .reading,
                    "build var \(found.name) is not defined through either --build-arg (--build-arg-file) or "
                        + "'arguments' section",
                    at: line, expected: "--build-arg \(found.name)=VALUE, or a line '\(found.name)=VALUE' in %arguments"
                )
            }
            used.insert(found.name)
            // A value may name other values, which name none, so that none leads back to itself.
            let text = value.bytes
            result += bytes[done..<open] + (isValue ? text : try fill(text[...], line, isValue: true) ?? text)
            done = found.end
        }
        return done == bytes.startIndex ? nil : result + bytes[done...]
    }

    private func value(of name: String) -> String? { arguments.values[name] ?? defaults[name] }

    /// `{{ NAME }}` at the start of `bytes`.
    private static func placeholder(_ bytes: ArraySlice<UInt8>) -> (name: String, end: Int)? {
        guard bytes.starts(with: [0x7B, 0x7B]) else { return nil }
        let inside = bytes.dropFirst(2).drop(while: \.isBlank)
        let name = inside.prefix(while: \.isWordCharacter)
        let close = inside[name.endIndex...].drop(while: \.isBlank)
        guard !name.isEmpty, close.starts(with: [0x7D, 0x7D]) else { return nil }
        return (name.text, close.startIndex + 2)
    }

    /// A `#` before the placeholder hides it, unless it begins `#!` or stands right before the braces.
    private static func isComment(_ before: ArraySlice<UInt8>) -> Bool {
        before.indices.contains { before[$0] == 0x23 && $0 + 1 < before.endIndex && before[$0 + 1] != 0x21 }
    }
}
