import Linux

/// The pattern of `${name#pattern}` and similar expansions: `?` matches a character, `*` any number, and `\` escapes
/// them.
struct VariablePattern {
    private enum Part: Equatable {
        case byte(UInt8)
        case one
        case any
    }
    private let parts: [Part]

    init(_ pattern: [UInt8]) throws(DockerfileProblem) {
        var parts: [Part] = []
        var rest = pattern[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x2A: if parts.last != .any { parts.append(.any) }
            case 0x3F: parts.append(.one)
            case ASCII.backslash:
                guard let next = rest.popFirst(), Array("*?\\/}".utf8).contains(next) else {
                    throw DockerfileProblem(
                        "invalid pattern \(pattern[...].text)", expected: "*, ?, \\, / or } behind a \\")
                }
                parts.append(.byte(next))
            default: parts.append(.byte(byte))
            }
        }
        self.parts = parts
    }

    /// Returns the text without the shortest or longest match at its beginning or end.
    func trimmed(_ text: [UInt8], atEnd: Bool, isLongest: Bool) throws(DockerfileProblem) -> [UInt8] {
        try check(text)
        if atEnd {
            let reversed = VariablePattern(parts: parts.reversed())
            guard let count = reversed.match(text.reversed()[...], isLongest: isLongest) else { return text }
            return text.dropLast(count)
        }
        guard let count = match(text[...], isLongest: isLongest) else { return text }
        return Array(text.dropFirst(count))
    }

    func replaced(_ text: [UInt8], by replacement: [UInt8], all: Bool) throws(DockerfileProblem) -> [UInt8] {
        try check(text)
        var result: [UInt8] = []
        var rest = text[...]
        while !rest.isEmpty || result.isEmpty {
            guard let count = match(rest, isLongest: true), count > 0 else {
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

    private init(parts: [Part]) { self.parts = parts }

    /// Refuses texts that take too long: matching takes the product of both lengths, for each start.
    private func check(_ text: [UInt8]) throws(DockerfileProblem) {
        guard text.count.multipliedReportingOverflow(by: parts.count + 1).partialValue < 1 << 18 else {
            throw DockerfileProblem("the value of a variable is too long for a pattern")
        }
    }

    /// Returns how many bytes at the beginning match, or nil when none do.
    private func match(_ text: ArraySlice<UInt8>, isLongest: Bool) -> Int? {
        // `states[n]`: the first n parts can match what was read so far.
        var states = [Bool](repeating: false, count: parts.count + 1)
        states[0] = true
        skipStars(&states)
        var found = states[parts.count] ? 0 : nil as Int?
        var count = 0
        for byte in text {
            if found != nil && !isLongest { return found }
            guard states.contains(true) else { break }
            var following = [Bool](repeating: false, count: parts.count + 1)
            for (index, part) in parts.enumerated() where states[index] {
                switch part {
                case .byte(let wanted): if byte == wanted { following[index + 1] = true }
                case .one: following[index + 1] = true
                case .any: following[index] = true
                }
            }
            states = following
            skipStars(&states)
            count += 1
            if states[parts.count] { found = count }
        }
        return found
    }

    private func skipStars(_ states: inout [Bool]) {
        for (index, part) in parts.enumerated() where part == .any && states[index] { states[index + 1] = true }
    }
}
