import Linux
import Patterns

/// A pattern for a file name, as for Go's filepath.Match: `*`, `?`, `[a-z]`, `[^a]`, `\x`.
struct PathPattern {
    private let pattern: Pattern

    init(_ pattern: String) throws(DockerfileProblem) {
        var elements: [Pattern.Element] = []
        var rest = Array(pattern.unicodeScalars)[...]
        while !rest.isEmpty { elements.append(try Self.element(&rest, pattern)) }
        self.pattern = Pattern(elements, unit: .character, separator: ASCII.slash)
    }

    /// Returns whether the whole name matches.
    func matches(_ name: String) -> Bool { pattern.matches(name.bytes[...]) }

    /// Returns whether a text has special characters of patterns.
    static func isPattern(_ text: String) -> Bool {
        var rest = text.bytes
        while let byte = rest.popFirst() {
            if byte == ASCII.backslash { rest = rest.dropFirst() }
            if byte == 0x2A || byte == 0x3F || byte == 0x5B { return true }
        }
        return false
    }

    /// Returns a pattern that has only escapes, without them.
    static func literal(_ name: String) -> String {
        var result: [UInt8] = []
        var rest = name.bytes
        while let byte = rest.popFirst() {
            if byte == ASCII.backslash, let next = rest.popFirst() {
                result.append(next)
            } else {
                result.append(byte)
            }
        }
        return result[...].text
    }

    /// Parses one element at the beginning of `rest`, which is not empty.
    static func element(_ rest: inout ArraySlice<Unicode.Scalar>, _ pattern: String) throws(DockerfileProblem)
        -> Pattern.Element
    {
        switch rest.popFirst() {
        case "*": return .many
        case "?": return .any
        case "[": return try range(&rest, pattern)
        case "\\":
            guard let next = rest.popFirst() else { throw bad(pattern) }
            return .one(next.value)
        case .some(let scalar): return .one(scalar.value)
        case nil: throw bad(pattern)
        }
    }

    private static func bad(_ pattern: String) -> DockerfileProblem {
        DockerfileProblem("syntax error in pattern \(pattern)", expected: "[a-z], and a character after \\")
    }

    private static func range(_ rest: inout ArraySlice<Unicode.Scalar>, _ pattern: String) throws(DockerfileProblem)
        -> Pattern.Element
    {
        let isNegated = rest.first == "^"
        if isNegated { rest = rest.dropFirst() }
        var ranges: [ClosedRange<UInt32>] = []
        var isEmpty = true
        while isEmpty || rest.first != "]" {
            isEmpty = false
            let low = try character(&rest, pattern)
            var high = low
            if rest.first == "-" {
                rest = rest.dropFirst()
                high = try character(&rest, pattern)
            }
            // A reversed range is not an error and matches nothing.
            if low <= high { ranges.append(low.value...high.value) }
        }
        rest = rest.dropFirst()
        return .set(ranges, isNegated: isNegated)
    }

    private static func character(_ rest: inout ArraySlice<Unicode.Scalar>, _ pattern: String)
        throws(DockerfileProblem) -> Unicode.Scalar
    {
        guard var scalar = rest.popFirst(), scalar != "-", scalar != "]" else { throw bad(pattern) }
        if scalar == "\\" {
            guard let next = rest.popFirst() else { throw bad(pattern) }
            scalar = next
        }
        guard !rest.isEmpty else { throw bad(pattern) }
        return scalar
    }
}
