import Linux

/// Reads a script into a tree, or says that it needs a real shell. Decides by the text alone, so that all scripts of an
/// image can be judged before the first of them is evaluated.
///
/// Grammar: POSIX 1003.1-2017, "Shell Command Language" §2.10, without pipelines, background, subshells, functions, loops
/// other than `for`, here-documents, redirections, command substitution and arithmetic.
package struct ScriptParser {
    /// A larger script is not an environment script.
    package static let sizeLimit = 1 << 20
    static let depthLimit = 48

    let bytes: [UInt8]
    var position = 0
    var depth = 0
    /// Whether `set`, `shift` and `exec` are understood, as in runscripts.
    package let isRunscript: Bool
    /// Whether variables that mean something to a shell may be assigned, because no shell ever gets the script.
    var permitsReserved = false

    package static func parse(_ bytes: [UInt8], isRunscript: Bool = false) throws(NeedsShell) -> ShellCommand {
        guard bytes.count <= sizeLimit else { throw NeedsShell("script larger than 1 MiB") }
        guard !bytes.contains(0) else { throw NeedsShell("NUL byte") }
        var parser = ScriptParser(bytes: bytes, isRunscript: isRunscript)
        let program = try parser.list(until: .nothing)
        guard parser.position == bytes.count else { throw NeedsShell("unexpected \(parser.excerpt)") }
        return program
    }

    /// Parses text between double quotes, where a bare double quote is an ordinary byte: how values of `--env` are
    /// evaluated.
    package static func parseQuoted(_ bytes: [UInt8]) throws(NeedsShell) -> ShellWord {
        guard bytes.count <= sizeLimit, !bytes.contains(0) else { throw NeedsShell("value too large") }
        var parser = ScriptParser(bytes: bytes, isRunscript: false)
        var word = ShellWord()
        try parser.doubleQuoted(into: &word, ending: .atEnd)
        return word
    }

    init(bytes: [UInt8], isRunscript: Bool) {
        self.bytes = bytes
        self.isRunscript = isRunscript
    }

    var excerpt: String {
        String(decoding: bytes[min(position, bytes.count)..<min(position + 16, bytes.count)], as: UTF8.self)
    }

    @inline(__always) func peek(_ ahead: Int = 0) -> UInt8? {
        let index = position + ahead
        return index < bytes.count ? bytes[index] : nil
    }

    mutating func nested<Result>(_ body: (inout ScriptParser) throws(NeedsShell) -> Result) throws(NeedsShell) -> Result
    {
        guard depth < ScriptParser.depthLimit else { throw NeedsShell("nested too deeply") }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    // MARK: Blanks

    /// Skips spaces, tabs, continued lines and a comment; stops at the newline.
    mutating func skipBlanks() {
        while let byte = peek() {
            if ASCII.isBlank(byte) {
                position += 1
            } else if byte == ASCII.backslash, peek(1) == ASCII.newline {
                position += 2
            } else if byte == ASCII.hash {
                position = bytes[position...].firstIndex(of: ASCII.newline) ?? bytes.count
                return
            } else {
                return
            }
        }
    }

    mutating func skipLines() {
        while true {
            skipBlanks()
            guard peek() == ASCII.newline else { return }
            position += 1
        }
    }

    static func isMeta(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0A, UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"):
            true
        default: false
        }
    }

    /// Returns the plain word at the cursor, without moving: reserved words are recognised only unquoted.
    func plainWord() -> ArraySlice<UInt8>? {
        var end = position
        while end < bytes.count {
            let byte = bytes[end]
            if ScriptParser.isMeta(byte) { break }
            switch byte {
            case ASCII.backslash, ASCII.singleQuote, ASCII.doubleQuote, ASCII.dollar,
                ASCII.backquote:
                return nil
            default: end += 1
            }
        }
        return end > position ? bytes[position..<end] : nil
    }

    func atReserved(_ word: StaticString) -> Bool {
        guard peek() == word.utf8Start.pointee, let found = plainWord(), found.count == word.utf8CodeUnitCount else {
            return false
        }
        return word.withUTF8Buffer { $0.elementsEqual(found) }
    }

    mutating func expect(_ word: StaticString) throws(NeedsShell) {
        skipLines()
        guard atReserved(word) else { throw NeedsShell("expected \(word), found \(excerpt)") }
        position += word.utf8CodeUnitCount
    }

    // MARK: Lists

    /// The reserved words that end a list.
    enum Terminator {
        case nothing, then, branch, fi, esac, done, brace
    }

    /// Reads commands up to one of the reserved words, `)`, `;;` or the end, none of which is consumed.
    mutating func list(until terminator: Terminator) throws(NeedsShell) -> ShellCommand {
        var commands: [ShellCommand] = []
        while true {
            skipLines()
            if atListEnd(terminator) { break }
            commands.append(try andOr())
            skipBlanks()
            switch peek() {
            case nil: break
            case ASCII.newline: position += 1
            case UInt8(ascii: ";"):
                if peek(1) == UInt8(ascii: ";") { break }
                position += 1
            default:
                guard atListEnd(terminator), peek() == UInt8(ascii: ")") else {
                    throw NeedsShell("unexpected \(excerpt)")
                }
            }
        }
        return commands.count == 1 ? commands[0] : .sequence(commands)
    }

    func atListEnd(_ terminator: Terminator) -> Bool {
        guard let byte = peek() else { return true }
        if byte == UInt8(ascii: ")") { return true }
        if byte == UInt8(ascii: ";"), peek(1) == UInt8(ascii: ";") { return true }
        return switch terminator {
        case .nothing: false
        case .then: atReserved("then")
        case .branch: atReserved("elif") || atReserved("else") || atReserved("fi")
        case .fi: atReserved("fi")
        case .esac: atReserved("esac")
        case .done: atReserved("done")
        case .brace: atReserved("}")
        }
    }

    mutating func andOr() throws(NeedsShell) -> ShellCommand {
        var left = try negatable()
        while true {
            skipBlanks()
            let isAnd = peek() == UInt8(ascii: "&") && peek(1) == UInt8(ascii: "&")
            let isOr = peek() == UInt8(ascii: "|") && peek(1) == UInt8(ascii: "|")
            guard isAnd || isOr else { break }
            position += 2
            skipLines()
            let right = try negatable()
            left = isAnd ? .and(left, right) : .or(left, right)
        }
        return left
    }

    mutating func negatable() throws(NeedsShell) -> ShellCommand {
        guard atReserved("!") else { return try command() }
        position += 1
        skipBlanks()
        guard !atReserved("!") else { throw NeedsShell("double negation") }
        return .not(try command())
    }

    mutating func command() throws(NeedsShell) -> ShellCommand {
        try nested { (parser: inout ScriptParser) throws(NeedsShell) in
            if parser.atReserved("if") { return try parser.conditional() }
            if parser.atReserved("case") { return try parser.selection() }
            if parser.atReserved("for") { return try parser.loop() }
            if parser.atReserved("{") {
                parser.position += 1
                let body = try parser.list(until: .brace)
                try parser.expect("}")
                return body
            }
            return try parser.simple()
        }
    }

    // MARK: Compound commands

    mutating func conditional() throws(NeedsShell) -> ShellCommand {
        var branches: [ShellCommand.Branch] = []
        var otherwise: ShellCommand?
        position += 2
        while true {
            let condition = try nonEmptyList(until: .then)
            try expect("then")
            let body = try nonEmptyList(until: .branch)
            branches.append(.init(condition: condition, body: body))
            guard atReserved("elif") else { break }
            position += 4
        }
        if atReserved("else") {
            position += 4
            otherwise = try nonEmptyList(until: .fi)
        }
        try expect("fi")
        return .conditional(branches, otherwise: otherwise)
    }

    /// An empty list between reserved words is a syntax error in every shell.
    mutating func nonEmptyList(until terminator: Terminator) throws(NeedsShell) -> ShellCommand {
        let body = try list(until: terminator)
        if case .sequence(let commands) = body, commands.isEmpty { throw NeedsShell("empty list") }
        return body
    }

    mutating func selection() throws(NeedsShell) -> ShellCommand {
        position += 4
        skipBlanks()
        let subject = try word(.subject)
        try expect("in")
        var choices: [ShellCommand.Choice] = []
        while true {
            skipLines()
            if atReserved("esac") { break }
            choices.append(try choice())
        }
        position += 4
        return .select(subject, choices)
    }

    mutating func choice() throws(NeedsShell) -> ShellCommand.Choice {
        if peek() == UInt8(ascii: "(") {
            position += 1
            skipBlanks()
        }
        var patterns = [try word(.pattern)]
        while true {
            skipBlanks()
            if peek() == UInt8(ascii: ")") { break }
            guard peek() == UInt8(ascii: "|") else { throw NeedsShell("unexpected \(excerpt)") }
            position += 1
            skipBlanks()
            patterns.append(try word(.pattern))
        }
        position += 1
        let body = try list(until: .esac)
        if peek() == UInt8(ascii: ";") {
            guard peek(1) == UInt8(ascii: ";"), peek(2) != UInt8(ascii: "&") else { throw NeedsShell(";&") }
            position += 2
        } else if !atReserved("esac") {
            throw NeedsShell("unexpected \(excerpt)")
        }
        return .init(patterns: patterns, body: body)
    }

    mutating func loop() throws(NeedsShell) -> ShellCommand {
        position += 3
        skipBlanks()
        guard let name = plainWord(), ASCII.isName(name), Array(name) != ShellSpecial.separators else {
            throw NeedsShell("loop variable")
        }
        position += name.count
        skipLines()
        var words: [ShellWord]?
        if atReserved("in") {
            position += 2
            words = try loopWords()
        } else if peek() == UInt8(ascii: ";") {
            position += 1
        }
        try expect("do")
        let body = try nonEmptyList(until: .done)
        try expect("done")
        return .each(Array(name), in: words, body)
    }

    mutating func loopWords() throws(NeedsShell) -> [ShellWord] {
        var words: [ShellWord] = []
        while true {
            skipBlanks()
            guard let byte = peek() else { throw NeedsShell("unexpected end") }
            if byte == ASCII.newline || byte == UInt8(ascii: ";") {
                position += 1
                return words
            }
            words.append(try word(.argument))
        }
    }

    // MARK: Simple commands

    mutating func simple() throws(NeedsShell) -> ShellCommand {
        var assignments: [ShellAssignment] = []
        while let assignment = try assignment(isArgument: false) {
            assignments.append(assignment)
            skipBlanks()
        }
        guard let next = peek(), !ScriptParser.isMeta(next) else {
            guard !assignments.isEmpty else { throw NeedsShell("unexpected \(excerpt)") }
            try endOfSimple()
            return .assign(assignments)
        }
        guard assignments.isEmpty else { throw NeedsShell("assignment before a command") }
        guard let name = plainWord(), let builtin = ShellBuiltin(rawValue: String(decoding: name, as: UTF8.self)) else {
            throw NeedsShell("command \(excerpt)")
        }
        if !isRunscript, builtin == .exec || builtin == .set || builtin == .shift { throw NeedsShell("\(builtin)") }
        position += name.count
        return .builtin(builtin, try arguments(of: builtin))
    }

    mutating func arguments(of builtin: ShellBuiltin) throws(NeedsShell) -> [ShellArgument] {
        var result: [ShellArgument] = []
        while true {
            skipBlanks()
            guard let byte = peek(), !ScriptParser.isMeta(byte) else { break }
            if builtin == .export, let assignment = try assignment(isArgument: true) {
                result.append(.assignment(assignment))
            } else {
                result.append(.word(try word(.argument)))
            }
        }
        try endOfSimple()
        return result
    }

    /// Checks what may follow a simple command; everything else (redirection, pipe, background, function) is not ours.
    func endOfSimple() throws(NeedsShell) {
        switch peek() {
        case nil, ASCII.newline, UInt8(ascii: ";"), UInt8(ascii: ")"): return
        case UInt8(ascii: "&") where peek(1) == UInt8(ascii: "&"): return
        case UInt8(ascii: "|") where peek(1) == UInt8(ascii: "|"): return
        default: throw NeedsShell("unexpected \(excerpt)")
        }
    }

    /// Reads `NAME=value` at the cursor; nil if there is none.
    mutating func assignment(isArgument: Bool) throws(NeedsShell) -> ShellAssignment? {
        var end = position
        while end < bytes.count, ASCII.isNameByte(bytes[end]) { end += 1 }
        guard end > position, ASCII.isNameStart(bytes[position]), end < bytes.count else { return nil }
        if bytes[end] == ASCII.plus, end + 1 < bytes.count, bytes[end + 1] == ASCII.equals {
            throw NeedsShell("+=")
        }
        guard bytes[end] == ASCII.equals else { return nil }
        let name = Array(bytes[position..<end])
        guard permitsReserved || !ShellSpecial.isReserved(name) else {
            throw NeedsShell("assignment to a special variable")
        }
        position = end + 1
        return ShellAssignment(name: name, value: try word(isArgument ? .exportValue : .value))
    }
}
