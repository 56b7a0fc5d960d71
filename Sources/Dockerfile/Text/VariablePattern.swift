import Linux
import Patterns

/// The pattern of `${name#pattern}` and similar expansions: `?` matches a character, `*` any number, and `\` escapes
/// them.
struct VariablePattern {
    private let pattern: Pattern

    init(_ pattern: [UInt8]) throws(DockerfileProblem) {
        var elements: [Pattern.Element] = []
        var rest = pattern[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x2A: if elements.last != .many { elements.append(.many) }
            case 0x3F: elements.append(.any)
            case ASCII.backslash:
                guard let next = rest.popFirst(), Array("*?\\/}".utf8).contains(next) else {
                    throw DockerfileProblem(
                        "invalid pattern \(pattern[...].text)", expected: "*, ?, \\, / or } after a \\")
                }
                elements.append(.one(UInt32(next)))
            default: elements.append(.one(UInt32(byte)))
            }
        }
        self.pattern = Pattern(elements, unit: .byte)
    }

    /// Returns the text without the shortest or longest match at its beginning or end.
    func trimmed(_ text: [UInt8], atEnd: Bool, isLongest: Bool) throws(DockerfileProblem) -> [UInt8] {
        try check(text)
        if atEnd {
            let lengths = Pattern(pattern.elements.reversed(), unit: .byte).lengths(in: text.reversed()[...])
            return text.dropLast((isLongest ? lengths.last : lengths.first) ?? 0)
        }
        let lengths = pattern.lengths(in: text[...])
        return Array(text.dropFirst((isLongest ? lengths.last : lengths.first) ?? 0))
    }

    func replaced(_ text: [UInt8], by replacement: [UInt8], all: Bool) throws(DockerfileProblem) -> [UInt8] {
        try check(text)
        var result: [UInt8] = []
        var rest = text[...]
        while !rest.isEmpty || result.isEmpty {
            guard let count = pattern.lengths(in: rest).last, count > 0 else {
                guard let byte = rest.popFirst() else { break }
                result.append(byte)
                continue
            }
            result += replacement
            rest = rest.dropFirst(count)
            if !all { break }
            if rest.isEmpty { break }
        }
        return result + rest
    }

    /// Refuses texts that take too long: matching takes the product of both lengths, for each start.
    private func check(_ text: [UInt8]) throws(DockerfileProblem) {
        guard text.count.multipliedReportingOverflow(by: pattern.elements.count + 1).partialValue < 1 << 18 else {
            throw DockerfileProblem("the value of a variable is too long for a pattern")
        }
    }
}
