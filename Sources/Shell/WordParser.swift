import Linux

/// Words: quoting, parameters, and what they may not contain.
extension ScriptParser {
    enum WordPlace {
        /// An argument: split, expanded to file names.
        case argument
        /// The right side of an assignment: neither split nor expanded.
        case value
        /// The same, in an argument of `export`, where bash expands braces.
        case exportValue
        /// Between `case` and `in`.
        case subject
        /// A pattern of `case`.
        case pattern
        /// After `:-` and the like, outside of double quotes; ends at `}`.
        case parameter
    }

    /// Reads the word at the cursor, up to an unquoted metacharacter.
    mutating func word(_ place: WordPlace) throws(NeedsShell) -> ShellWord {
        var result = ShellWord()
        var literal: [UInt8] = []
        let start = position
        while let byte = peek() {
            if place == .parameter {
                if byte == ASCII.closeBrace { break }
            } else if ScriptParser.isMeta(byte) {
                break
            }
            switch byte {
            case ASCII.backslash:
                guard let next = peek(1) else { throw NeedsShell("backslash at the end") }
                position += 2
                if next == ASCII.newline { continue }
                ScriptParser.flush(&literal, into: &result)
                result.parts.append(.quoted([next]))
            case ASCII.singleQuote:
                ScriptParser.flush(&literal, into: &result)
                try singleQuoted(into: &result)
            case ASCII.doubleQuote:
                ScriptParser.flush(&literal, into: &result)
                position += 1
                try doubleQuoted(into: &result, ending: .atQuote)
            case ASCII.dollar:
                ScriptParser.flush(&literal, into: &result)
                try parameter(quoted: false, into: &result)
            case ASCII.backquote:
                throw NeedsShell("command substitution")
            case ASCII.tilde:
                if try tilde(place, literal: literal, isFirst: position == start && result.parts.isEmpty) {
                    ScriptParser.flush(&literal, into: &result)
                    result.parts.append(.home)
                } else {
                    literal.append(byte)
                }
                position += 1
            default:
                try check(byte, in: place)
                takeRun(into: &literal) { ASCII.isNameByte($0) || $0 == ASCII.slash }
            }
        }
        ScriptParser.flush(&literal, into: &result)
        guard position > start || place == .value || place == .exportValue || place == .parameter else {
            throw NeedsShell("unexpected \(excerpt)")
        }
        return result
    }

    /// Takes the byte at the cursor and all following that are certainly ordinary: one copy instead of one for each.
    private mutating func takeRun(into text: inout [UInt8], while isOrdinary: (UInt8) -> Bool) {
        var end = position + 1
        while end < bytes.count, isOrdinary(bytes[end]) { end += 1 }
        text.append(contentsOf: bytes[position..<end])
        position = end
    }

    static func flush(_ literal: inout [UInt8], into word: inout ShellWord) {
        guard !literal.isEmpty else { return }
        word.parts.append(.literal(literal))
        literal = []
    }

    /// Refuses bytes on which shells disagree.
    func check(_ byte: UInt8, in place: WordPlace) throws(NeedsShell) {
        switch place {
        case .argument, .exportValue:
            if byte == ASCII.openBrace { throw NeedsShell("brace expansion") }
        case .parameter:
            if byte == ASCII.openBrace { throw NeedsShell("brace in a parameter") }
        case .value, .subject, .pattern: break
        }
    }

    /// Whether the `~` at the cursor means HOME here. `~user` and places where shells differ are left to a shell.
    func tilde(_ place: WordPlace, literal: [UInt8], isFirst: Bool) throws(NeedsShell) -> Bool {
        let isValue = place == .value || place == .exportValue
        let afterColon = literal.last == ASCII.colon
        guard isFirst || afterColon || literal.last == ASCII.equals else { return false }
        guard place != .parameter, place != .pattern else { throw NeedsShell("tilde") }
        guard isFirst || (isValue && afterColon) else {
            if isValue { return false }
            throw NeedsShell("tilde")
        }
        switch peek(1) {
        case nil, ASCII.slash: return true
        case ASCII.colon where isValue: return true
        case .some(let next) where ScriptParser.isMeta(next): return true
        default: throw NeedsShell("tilde")
        }
    }

    mutating func singleQuoted(into word: inout ShellWord) throws(NeedsShell) {
        position += 1
        guard let end = bytes[position...].firstIndex(of: ASCII.singleQuote) else {
            throw NeedsShell("unterminated quote")
        }
        word.parts.append(.quoted(Array(bytes[position..<end])))
        position = end + 1
    }

    enum QuoteEnd {
        /// At the closing double quote, which is consumed.
        case atQuote
        /// At the end of all bytes; double quotes are ordinary.
        case atEnd
        /// At the `}` of a parameter inside double quotes; `"` opens and closes a quoted part that means the same.
        case atBrace
    }

    mutating func doubleQuoted(into word: inout ShellWord, ending: QuoteEnd) throws(NeedsShell) {
        var text: [UInt8] = []
        var isInner = false
        let before = word.parts.count
        while let byte = peek() {
            if byte == ASCII.doubleQuote, ending != .atEnd {
                if ending == .atQuote { break }
                isInner.toggle()
                position += 1
                continue
            }
            if byte == ASCII.closeBrace, ending == .atBrace, !isInner { break }
            switch byte {
            case ASCII.backslash:
                text += escapeInQuotes(ending, isInner: isInner)
            case ASCII.dollar:
                if !text.isEmpty { word.parts.append(.quoted(text)) }
                text = []
                try parameter(quoted: true, into: &word)
            case ASCII.backquote:
                throw NeedsShell("command substitution")
            case ASCII.singleQuote where ending == .atBrace && !isInner:
                throw NeedsShell("single quote in a parameter")
            default:
                takeRun(into: &text) { ASCII.isNameByte($0) || $0 == ASCII.slash || $0 == 0x20 }
            }
        }
        guard ending == .atEnd || peek() != nil, !isInner else { throw NeedsShell("unterminated quote") }
        if ending == .atQuote { position += 1 }
        if !text.isEmpty || word.parts.count == before { word.parts.append(.quoted(text)) }
    }

    /// A backslash between double quotes: it hides only `$`, backquote, `"`, itself and a newline.
    private mutating func escapeInQuotes(_ ending: QuoteEnd, isInner: Bool) -> [UInt8] {
        guard let next = peek(1) else {
            position += 1
            return [ASCII.backslash]
        }
        position += 2
        switch next {
        case ASCII.newline: return []
        case ASCII.dollar, ASCII.backquote, ASCII.doubleQuote, ASCII.backslash: return [next]
        case ASCII.closeBrace where ending == .atBrace && !isInner: return [next]
        default: return [ASCII.backslash, next]
        }
    }

    // MARK: Parameters

    mutating func parameter(quoted: Bool, into word: inout ShellWord) throws(NeedsShell) {
        guard let next = peek(1) else {
            position += 1
            word.parts.append(.quoted([ASCII.dollar]))
            return
        }
        if next == ASCII.openBrace {
            position += 2
            let found = try nested { (parser: inout ScriptParser) throws(NeedsShell) in
                try parser.braced(quoted: quoted)
            }
            word.parts.append(.parameter(found, quoted: quoted))
        } else if ASCII.isNameStart(next) {
            position += 1
            word.parts.append(.parameter(.plain(.variable(name())), quoted: quoted))
        } else if let special = special(next) {
            position += 2
            word.parts.append(.parameter(.plain(special), quoted: quoted))
        } else {
            try checkLoneDollar(next, quoted: quoted)
            position += 1
            word.parts.append(.quoted([ASCII.dollar]))
        }
    }

    private func checkLoneDollar(_ next: UInt8, quoted: Bool) throws(NeedsShell) {
        switch next {
        case UInt8(ascii: "("), UInt8(ascii: "["): throw NeedsShell("substitution")
        case UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "-"): throw NeedsShell("special parameter")
        case ASCII.singleQuote, ASCII.doubleQuote:
            if !quoted { throw NeedsShell("$ before a quote") }
        default: break
        }
    }

    private func special(_ byte: UInt8) -> ShellParameter.Name? {
        switch byte {
        case ASCII.at: .all
        case ASCII.star: .joined
        case ASCII.hash: .count
        case ASCII.question: .status
        case 0x30...0x39: .positional(Int(byte) - 0x30)
        default: nil
        }
    }

    private mutating func name() -> [UInt8] {
        let start = position
        while let byte = peek(), ASCII.isNameByte(byte) { position += 1 }
        return Array(bytes[start..<position])
    }

    /// Reads what follows `${`, through the `}`.
    private mutating func braced(quoted: Bool) throws(NeedsShell) -> ShellParameter {
        if peek() == ASCII.hash, let next = peek(1), next != ASCII.closeBrace {
            position += 1
            guard ASCII.isNameStart(next) else { throw NeedsShell("length") }
            let found = ShellParameter.length(.variable(name()))
            return try closed(found)
        }
        let subject = try bracedName()
        guard let byte = peek() else { throw NeedsShell("unterminated parameter") }
        if byte == ASCII.closeBrace { return try closed(.plain(subject)) }
        if byte == ASCII.percent || byte == ASCII.hash { return try closed(trimmed(subject, byte, quoted)) }
        let colon = byte == ASCII.colon
        if colon { position += 1 }
        let condition: ShellParameter.Condition
        switch peek() {
        case ASCII.dash: condition = .useDefault
        case ASCII.equals: condition = .assignDefault
        case ASCII.plus: condition = .useAlternative
        default: throw NeedsShell("parameter expansion \(excerpt)")
        }
        position += 1
        switch subject {
        case .variable(let name):
            guard condition != .assignDefault || !ShellSpecial.isReserved(name) else { throw NeedsShell("special") }
        default:
            guard condition != .assignDefault else { throw NeedsShell("assignment to a parameter") }
        }
        let word = try parameterWord(quoted: quoted)
        return try closed(.conditional(subject, condition, colon: colon, word))
    }

    private mutating func bracedName() throws(NeedsShell) -> ShellParameter.Name {
        guard let byte = peek() else { throw NeedsShell("unterminated parameter") }
        if ASCII.isNameStart(byte) { return .variable(name()) }
        if ASCII.isDigit(byte) {
            var number = 0
            while let digit = peek(), ASCII.isDigit(digit) {
                number = number * 10 + Int(digit) - 0x30
                guard number < 100_000 else { throw NeedsShell("parameter number") }
                position += 1
            }
            return .positional(number)
        }
        guard let found = special(byte) else { throw NeedsShell("parameter \(excerpt)") }
        position += 1
        return found
    }

    private mutating func trimmed(_ subject: ShellParameter.Name, _ byte: UInt8, _ quoted: Bool) throws(NeedsShell)
        -> ShellParameter
    {
        guard case .variable = subject else { throw NeedsShell("pattern on a parameter") }
        let isLong = peek(1) == byte
        position += isLong ? 2 : 1
        // Inside double quotes shells disagree about quotes in the pattern: only plain text and wildcards there.
        let pattern = quoted ? try plainPattern() : try word(.parameter)
        let trim: ShellParameter.Trim =
            byte == ASCII.percent ? (isLong ? .longSuffix : .shortSuffix) : (isLong ? .longPrefix : .shortPrefix)
        return .trimmed(subject, trim, pattern)
    }

    private mutating func plainPattern() throws(NeedsShell) -> ShellWord {
        let start = position
        while let byte = peek(), byte != ASCII.closeBrace {
            switch byte {
            case ASCII.backslash, ASCII.singleQuote, ASCII.doubleQuote, ASCII.dollar,
                ASCII.backquote, ASCII.openBrace:
                throw NeedsShell("quoted pattern")
            default: position += 1
            }
        }
        return start == position ? ShellWord() : ShellWord(parts: [.literal(Array(bytes[start..<position]))])
    }

    private mutating func parameterWord(quoted: Bool) throws(NeedsShell) -> ShellWord {
        guard quoted else { return try word(.parameter) }
        var result = ShellWord()
        try doubleQuoted(into: &result, ending: .atBrace)
        return result
    }

    private mutating func closed(_ found: ShellParameter) throws(NeedsShell) -> ShellParameter {
        guard peek() == ASCII.closeBrace else { throw NeedsShell("parameter expansion \(excerpt)") }
        position += 1
        return found
    }
}
