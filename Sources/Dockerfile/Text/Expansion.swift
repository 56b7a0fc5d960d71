import Linux

/// Expands variables and removes quotes and escapes, by the rules of Dockerfiles.
package struct Expansion {
    /// `\` or a backtick.
    package let escape: UInt8
    package let variables: [String: String]
    /// Whether a variable that is not set stays as written.
    var keepsUnset = false
    /// Whether quotes are ordinary characters, as in the body of a heredoc.
    var ignoresQuotes = false

    package init(escape: UInt8, variables: [String: String]) {
        self.escape = escape
        self.variables = variables
    }

    init(escape: UInt8, variables: [String: String], keepsUnset: Bool = false, ignoresQuotes: Bool = false) {
        self.init(escape: escape, variables: variables)
        self.keepsUnset = keepsUnset
        self.ignoresQuotes = ignoresQuotes
    }

    /// Returns a text as one word, including its blanks.
    package func word(_ text: String) throws(DockerfileProblem) -> String { try bytes(text.bytes)[...].text }

    /// Returns a heredoc's body, which may be binary.
    func bytes(_ text: ArraySlice<UInt8>) throws(DockerfileProblem) -> [UInt8] {
        var scanner = ExpansionScanner(expansion: self, rest: text)
        try scanner.scan(until: nil, keepsEscapes: false)
        return scanner.result
    }

    /// Returns the words of a line. Blanks from a variable separate words too.
    package func words(_ text: String) throws(DockerfileProblem) -> [String] {
        var scanner = ExpansionScanner(expansion: self, rest: text.bytes)
        try scanner.scan(until: nil, keepsEscapes: false)
        return scanner.words
    }
}

/// One pass over a word.
private struct ExpansionScanner {
    let expansion: Expansion
    var rest: ArraySlice<UInt8>
    var result: [UInt8] = []
    private var isOpen = false
    private var depth = 0
    /// The positions in `result` where unquoted blanks separate words.
    private var cuts: [Int] = []

    init(expansion: Expansion, rest: ArraySlice<UInt8>) {
        self.expansion = expansion
        self.rest = rest
    }

    var words: [String] {
        var words: [String] = []
        var start = 0
        for cut in cuts + [result.count] {
            let word = result[start..<cut]
            if !word.isEmpty { words.append(word.text) }
            start = min(cut + 1, result.count)
        }
        return words
    }

    /// Appends to `result` until `stop`, which is consumed, or the end.
    mutating func scan(until stop: UInt8?, keepsEscapes: Bool) throws(DockerfileProblem) {
        while let byte = rest.popFirst() {
            if byte == stop { return }
            switch byte {
            case ASCII.dollar: append(unquoted: try variable())
            case ASCII.singleQuote where !expansion.ignoresQuotes:
                guard let end = rest.firstIndex(of: byte) else { throw .unclosed(byte) }
                result += rest[..<end]
                rest = rest[(end + 1)...]
            case ASCII.doubleQuote where !expansion.ignoresQuotes: try doubleQuoted(keepsEscapes)
            case expansion.escape:
                if keepsEscapes { result.append(byte) }
                if let next = rest.popFirst() { result.append(next) }
            default: append(unquoted: [byte])
            }
        }
        if stop != nil { throw Self.unclosedBrace }
    }

    private static var unclosedBrace: DockerfileProblem {
        DockerfileProblem("a variable in braces has no end", expected: "a closing }")
    }

    private mutating func append(unquoted bytes: [UInt8]) {
        for byte in bytes {
            if byte.isBlank { cuts.append(result.count) }
            result.append(byte)
        }
    }

    /// Scans what follows an opening double quote. Only quotes, dollars and the escape itself can be escaped.
    private mutating func doubleQuoted(_ keepsEscapes: Bool) throws(DockerfileProblem) {
        while let byte = rest.popFirst() {
            switch byte {
            case ASCII.doubleQuote: return
            case ASCII.dollar: result += try variable()
            case expansion.escape:
                guard let next = rest.first else { continue }
                let isSpecial =
                    next == ASCII.doubleQuote || next == ASCII.dollar || next == expansion.escape
                if keepsEscapes || !isSpecial { result.append(byte) }
                if isSpecial {
                    result.append(next)
                    rest = rest.dropFirst()
                }
            default: result.append(byte)
            }
        }
        throw .unclosed(ASCII.doubleQuote)
    }

    /// Returns the value of the variable after a dollar.
    private mutating func variable() throws(DockerfileProblem) -> [UInt8] {
        guard rest.first == ASCII.openBrace else {
            let name = takeName()
            if name.isEmpty { return [ASCII.dollar] }
            if let value = expansion.variables[name] { return Array(value.utf8) }
            return expansion.keepsUnset ? Array("$\(name)".utf8) : []
        }
        rest = rest.dropFirst()
        let name = takeName()
        guard !name.isEmpty else {
            throw DockerfileProblem("bad substitution", expected: "the name of a variable after ${")
        }
        return try braced(name)
    }

    private mutating func takeName() -> String {
        guard let first = rest.first else { return "" }
        let name: ArraySlice<UInt8>
        if first.isDigit {
            name = rest.prefix { $0.isDigit }
        } else if Array("@*#?-$!".utf8).contains(first) {
            name = rest.prefix(1)
        } else {
            name = rest.prefix { $0.isNameCharacter }
        }
        rest = rest[name.endIndex...]
        return name.text
    }

    /// Returns the value of what follows `${NAME`.
    private mutating func braced(_ name: String) throws(DockerfileProblem) -> [UInt8] {
        let value = expansion.variables[name]
        guard var sign = rest.popFirst() else { throw Self.unclosedBrace }
        if sign == ASCII.closeBrace {
            return value.map { Array($0.utf8) } ?? (expansion.keepsUnset ? Array("${\(name)}".utf8) : [])
        }
        let countsEmpty = sign == 0x3A
        if countsEmpty {
            guard let next = rest.popFirst() else { throw Self.unclosedBrace }
            sign = next
        }
        switch (sign, countsEmpty) {
        case (0x2D, _), (0x2B, _), (0x3F, _):
            let word = try nested(until: ASCII.closeBrace, keepsEscapes: false)
            return try chosen(sign, name, countsEmpty && value == "" ? nil : value, word)
        case (ASCII.hash, false), (0x25, false):
            let isLongest = rest.first == sign
            if isLongest { rest = rest.dropFirst() }
            let pattern = try nested(until: ASCII.closeBrace, keepsEscapes: true)
            let text = Array((value ?? "").utf8)
            return try VariablePattern(pattern).trimmed(text, atEnd: sign == 0x25, isLongest: isLongest)
        case (ASCII.slash, false):
            let all = rest.first == sign
            if all { rest = rest.dropFirst() }
            let pattern = try nested(until: ASCII.slash, keepsEscapes: true)
            let replacement = try nested(until: ASCII.closeBrace, keepsEscapes: true)
            return try VariablePattern(pattern).replaced(Array((value ?? "").utf8), by: replacement, all: all)
        default:
            throw DockerfileProblem(
                "unsupported modifier in ${\(name)…}", expected: "one of :- - :+ + :? ? # ## % %% / //")
        }
    }

    /// - Parameter value: nil when the variable counts as unset.
    private func chosen(_ sign: UInt8, _ name: String, _ value: String?, _ word: [UInt8]) throws(DockerfileProblem)
        -> [UInt8]
    {
        switch sign {
        case 0x2D: return value.map { Array($0.utf8) } ?? word
        case 0x2B: return value == nil ? [] : word
        default:
            guard let value else {
                throw DockerfileProblem("\(name): " + (word.isEmpty ? "is not set" : word[...].text))
            }
            return Array(value.utf8)
        }
    }

    private mutating func nested(until stop: UInt8, keepsEscapes: Bool) throws(DockerfileProblem) -> [UInt8] {
        // Untrusted text must not exhaust the stack.
        guard depth < 64 else { throw DockerfileProblem("variables are nested too deeply") }
        var inner = ExpansionScanner(expansion: expansion, rest: rest)
        inner.depth = depth + 1
        try inner.scan(until: stop, keepsEscapes: keepsEscapes)
        rest = inner.rest
        return inner.result
    }
}
