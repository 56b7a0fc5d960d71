import Linux

/// Reads a script one command at a time, so that the caller knows the line of a command that is not understood, and may
/// skip it.
package struct StatementReader {
    private var parser: ScriptParser
    private var start = 0

    /// - Parameter bytes: without NUL.
    package init(_ bytes: [UInt8]) {
        parser = ScriptParser(bytes: bytes, isRunscript: false)
        parser.permitsReserved = true
    }

    /// The line where the last command begins, counted from 1.
    package var line: Int { 1 + parser.bytes[..<start].count { $0 == ASCII.newline } }

    /// Returns the next command, or nil at the end.
    package mutating func next() throws(NeedsShell) -> ShellCommand? {
        parser.skipLines()
        start = parser.position
        guard parser.peek() != nil else { return nil }
        let command = try parser.andOr()
        parser.skipBlanks()
        switch parser.peek() {
        case nil: break
        case ASCII.newline: parser.position += 1
        case UInt8(ascii: ";") where parser.peek(1) != UInt8(ascii: ";"): parser.position += 1
        default: throw NeedsShell("unexpected \(parser.excerpt)")
        }
        return command
    }

    /// Skips an assignment whose value is made by another command, such as `A=$(date)`, which `next` did not
    /// understand.
    ///
    /// - Returns: the names that are assigned; for anything else nil, and nothing is skipped.
    package mutating func skipSubstitution() -> [String]? {
        var scanner = SubstitutionScanner(bytes: parser.bytes, position: start)
        guard let names = scanner.assignments() else { return nil }
        parser.position = scanner.position
        if parser.peek() == UInt8(ascii: ";"), parser.peek(1) != UInt8(ascii: ";") { parser.position += 1 }
        parser.depth = 0
        return names
    }
}

/// Finds the end of assignments with commands in their values, by quotes and parentheses alone.
private struct SubstitutionScanner {
    let bytes: [UInt8]
    var position: Int
    private var hasCommand = false
    private static let deepest = 48

    init(bytes: [UInt8], position: Int) { (self.bytes, self.position) = (bytes, position) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func peek(_ ahead: Int) -> UInt8? { position + ahead < bytes.count ? bytes[position + ahead] : nil }

    /// Reads `[export] NAME=value …` up to the end of the line or a semicolon.
    mutating func assignments() -> [String]? {
        var names: [String] = []
        if bytes[position...].starts(with: "export".utf8), peek(6).map(ASCII.isBlank) == true { position += 6 }
        while true {
            while let byte = next, ASCII.isBlank(byte) { position += 1 }
            guard let byte = next, byte != ASCII.newline, byte != UInt8(ascii: ";"), byte != ASCII.hash else {
                break
            }
            guard let name = name(), value() else { return nil }
            names.append(name)
        }
        return hasCommand && !names.isEmpty ? names : nil
    }

    private mutating func name() -> String? {
        let rest = bytes[position...]
        let name = rest.prefix(while: ASCII.isNameByte)
        guard ASCII.isName(name), peek(name.count) == ASCII.equals else { return nil }
        position += name.count + 1
        return String(decoding: name, as: UTF8.self)
    }

    /// - Returns: false when it has no end, or something else follows it.
    private mutating func value() -> Bool {
        while let byte = next, !ScriptParser.isMeta(byte) {
            guard piece(depth: 0) else { return false }
        }
        guard let byte = next else { return true }
        return ASCII.isSeparator(byte) || byte == UInt8(ascii: ";")
    }

    /// Passes one byte, or all that it opens.
    private mutating func piece(depth: Int) -> Bool {
        guard let byte = next, depth < Self.deepest else { return false }
        switch byte {
        case ASCII.backslash: return advance(2)
        case ASCII.singleQuote: return advance(1) && pass(to: byte) { _ in true }
        case ASCII.backquote:
            hasCommand = true
            return advance(1) && pass(to: byte) { $0.next == ASCII.backslash ? $0.advance(1) : true }
        case ASCII.doubleQuote:
            return advance(1)
                && pass(to: byte) { scanner in
                    switch scanner.next {
                    case ASCII.backslash: scanner.advance(1)
                    case ASCII.dollar, ASCII.backquote: scanner.piece(depth: depth + 1) && scanner.back()
                    default: true
                    }
                }
        case ASCII.dollar where peek(1) == UInt8(ascii: "("):
            // Arithmetic runs nothing, and is not understood.
            if peek(2) == UInt8(ascii: "(") { return false }
            hasCommand = true
            return advance(2) && parenthesis(depth: depth + 1)
        default: return advance(1)
        }
    }

    /// Passes the rest of `(…)`.
    private mutating func parenthesis(depth: Int) -> Bool {
        guard depth < Self.deepest else { return false }
        while let byte = next {
            if byte == UInt8(ascii: ")") { return advance(1) }
            if byte == UInt8(ascii: "(") {
                guard advance(1), parenthesis(depth: depth + 1) else { return false }
            } else {
                guard piece(depth: depth) else { return false }
            }
        }
        return false
    }

    /// Passes the next `end`; `step` is called at each byte before it, and may advance to the last byte of something.
    private mutating func pass(to end: UInt8, _ step: (inout SubstitutionScanner) -> Bool) -> Bool {
        while let byte = next {
            if byte == end { return advance(1) }
            guard step(&self), advance(1) else { return false }
        }
        return false
    }

    private mutating func advance(_ count: Int) -> Bool {
        guard position + count <= bytes.count else { return false }
        position += count
        return true
    }

    private mutating func back() -> Bool {
        position -= 1
        return true
    }
}
