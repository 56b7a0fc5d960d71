import Linux

/// Expansion of words: parameters, splitting at blanks, file names. POSIX 1003.1-2017, "Shell Command Language" §2.6.
extension ScriptEvaluator {
    private enum Piece {
        /// `splits`: blanks in it end a field.
        case text([UInt8], isQuoted: Bool, splits: Bool)
        /// Between the elements of `$@`.
        case fieldBreak
    }

    typealias FieldPart = (bytes: [UInt8], isQuoted: Bool)

    /// Expands the word where nothing is split: right of an assignment, in `case`.
    package mutating func expandValue(_ word: ShellWord) throws(ScriptStop) -> [UInt8] {
        if word.parts.count == 1 {
            switch word.parts[0] {
            case .literal(let bytes), .quoted(let bytes): return bytes
            default: break
            }
        }
        var result: [UInt8] = []
        for piece in try pieces(of: word, splitsLiterals: false) {
            switch piece {
            case .text(let bytes, _, _): result += bytes
            case .fieldBreak: result.append(0x20)
            }
        }
        return result
    }

    /// Expands the word into arguments: none, one or more.
    mutating func expandFields(_ word: ShellWord) throws(ScriptStop) -> [[UInt8]] {
        if word.parts.count == 1 {
            switch word.parts[0] {
            case .quoted(let bytes): return [bytes]
            case .literal(let bytes) where !ScriptEvaluator.hasWildcard(bytes): return [bytes]
            default: break
            }
        }
        var result: [[UInt8]] = []
        for field in ScriptEvaluator.fields(of: try pieces(of: word, splitsLiterals: false)) {
            result += try fileNames(field)
        }
        return result
    }

    private static func fields(of pieces: [Piece]) -> [[FieldPart]] {
        var result: [[FieldPart]] = []
        var current: [FieldPart]?
        for piece in pieces {
            switch piece {
            case .fieldBreak:
                if let field = current { result.append(field) }
                current = nil
            case .text(let bytes, let isQuoted, splits: false):
                if isQuoted || !bytes.isEmpty { current = (current ?? []) + [(bytes, isQuoted)] }
            case .text(let bytes, let isQuoted, splits: true):
                var start = 0
                for (index, byte) in bytes.enumerated() where ASCII.isSeparator(byte) {
                    if index > start { current = (current ?? []) + [(Array(bytes[start..<index]), isQuoted)] }
                    if let field = current { result.append(field) }
                    current = nil
                    start = index + 1
                }
                if start < bytes.count { current = (current ?? []) + [(Array(bytes[start...]), isQuoted)] }
            }
        }
        if let field = current { result.append(field) }
        return result
    }

    private mutating func pieces(of word: ShellWord, splitsLiterals: Bool) throws(ScriptStop) -> [Piece] {
        var result: [Piece] = []
        for part in word.parts {
            switch part {
            case .literal(let bytes): result.append(.text(bytes, isQuoted: false, splits: splitsLiterals))
            case .quoted(let bytes): result.append(.text(bytes, isQuoted: true, splits: false))
            case .home:
                guard let home = variables["HOME"] else { throw .needsShell(NeedsShell("HOME is not set")) }
                result.append(.text(home, isQuoted: true, splits: false))
            case .parameter(let parameter, let quoted): result += try expand(parameter, quoted: quoted)
            }
        }
        var size = 0
        for case .text(let bytes, _, _) in result { size += bytes.count }
        try count(size)
        return result
    }

    // MARK: Parameters

    private mutating func expand(_ parameter: ShellParameter, quoted: Bool) throws(ScriptStop) -> [Piece] {
        switch parameter {
        case .plain(.all):
            var result: [Piece] = []
            for (index, value) in positional.enumerated() {
                if index > 0 { result.append(.fieldBreak) }
                result.append(.text(value, isQuoted: quoted, splits: !quoted))
            }
            return result
        case .plain(let name): return [plainPiece(try value(of: name) ?? [], quoted)]
        case .length(let name):
            let bytes = try value(of: name) ?? []
            guard bytes.allSatisfy({ $0 < 0x80 }) else { throw .needsShell(NeedsShell("length beyond ASCII")) }
            return [plainPiece(Array(String(bytes.count).utf8), quoted)]
        case .trimmed(let name, let trim, let pattern):
            return [plainPiece(try trimmed(try value(of: name) ?? [], trim, pattern), quoted)]
        case .conditional(let name, let condition, let colon, let word):
            return try conditional(name, condition, colon, word, quoted)
        }
    }

    private func plainPiece(_ bytes: [UInt8], _ quoted: Bool) -> Piece {
        .text(bytes, isQuoted: quoted, splits: !quoted)
    }

    private func value(of name: ShellParameter.Name) throws(ScriptStop) -> [UInt8]? {
        switch name {
        case .variable(let name):
            let value = variables[name]
            if value == nil, ShellSpecial.isProvided(name) { throw .needsShell(NeedsShell("a variable of the shell")) }
            return value
        case .positional(0): throw .needsShell(NeedsShell("$0"))
        case .positional(let number): return number <= positional.count ? positional[number - 1] : nil
        case .all, .joined: return positional.isEmpty ? nil : Array(positional.joined(separator: [0x20]))
        case .count: return Array(String(positional.count).utf8)
        case .status: return Array(String(status).utf8)
        }
    }

    private mutating func conditional(
        _ name: ShellParameter.Name, _ condition: ShellParameter.Condition, _ colon: Bool, _ word: ShellWord,
        _ quoted: Bool
    ) throws(ScriptStop) -> [Piece] {
        if name == .all || name == .joined { throw .needsShell(NeedsShell("condition on $@")) }
        let current = try value(of: name)
        let isSet = current.map { !colon || !$0.isEmpty } ?? false
        switch condition {
        case .useAlternative:
            return isSet ? try pieces(of: word, splitsLiterals: !quoted) : [plainPiece([], quoted)]
        case .useDefault where !isSet:
            return try pieces(of: word, splitsLiterals: !quoted)
        case .assignDefault where !isSet:
            guard case .variable(let variable) = name else {
                throw .needsShell(NeedsShell("assignment to a parameter"))
            }
            let value = try expandValue(word)
            guard try store(variable, value) else { throw .needsShell(NeedsShell("readonly variable")) }
            return [plainPiece(value, quoted)]
        case .useDefault, .assignDefault:
            return [plainPiece(current ?? [], quoted)]
        }
    }

    private mutating func trimmed(_ value: [UInt8], _ trim: ShellParameter.Trim, _ word: ShellWord) throws(ScriptStop)
        -> [UInt8]
    {
        guard value.count <= 4096 else { throw .needsShell(NeedsShell("trim of a long value")) }
        try count(value.count * value.count / 8)
        let pattern = try pattern(word)
        let lengths = Array(0...value.count)
        let isLong = trim == .longPrefix || trim == .longSuffix
        let isPrefix = trim == .longPrefix || trim == .shortPrefix
        for length in isLong ? lengths.reversed() : lengths {
            let part = isPrefix ? value.prefix(length) : value.suffix(length)
            if try matches(pattern, part) {
                return Array(isPrefix ? value.dropFirst(length) : value.dropLast(length))
            }
        }
        return value
    }

    // MARK: Patterns

    mutating func matches(_ word: ShellWord, _ text: ArraySlice<UInt8>) throws(ScriptStop) -> Bool {
        let pattern = try pattern(word)
        try count(text.count / 16 * (pattern.size + 1))
        return try matches(pattern, text)
    }

    private func matches(_ pattern: ShellPattern, _ text: ArraySlice<UInt8>) throws(ScriptStop) -> Bool {
        do throws(NeedsShell) { return try pattern.matches(text) } catch { throw .needsShell(error) }
    }

    private mutating func pattern(_ word: ShellWord) throws(ScriptStop) -> ShellPattern {
        var parts: [FieldPart] = []
        for piece in try pieces(of: word, splitsLiterals: false) {
            switch piece {
            case .text(let bytes, let isQuoted, _): parts.append((bytes, isQuoted))
            case .fieldBreak: throw .needsShell(NeedsShell("$@ in a pattern"))
            }
        }
        return try pattern(parts)
    }

    private func pattern(_ parts: [FieldPart]) throws(ScriptStop) -> ShellPattern {
        do throws(NeedsShell) { return try ShellPattern(parts) } catch { throw .needsShell(error) }
    }

    // MARK: File names

    /// Expands a field with wildcards into the paths that match; it stays as it is when none does.
    private mutating func fileNames(_ field: [FieldPart]) throws(ScriptStop) -> [[UInt8]] {
        let plain = field.flatMap(\.bytes)
        let hasWildcard = field.contains { !$0.isQuoted && ScriptEvaluator.hasWildcard($0.bytes) }
        guard hasWildcard, !(plain == [ASCII.openBracket]) else { return [plain] }
        if field.count == 1, isBareBracket(plain) { return [plain] }
        guard plain.first == ASCII.slash else { throw .needsShell(NeedsShell("relative wildcard")) }
        var found: [[UInt8]] = [[]]
        for component in components(field) {
            found = try step(found, component)
            if found.isEmpty { return [plain] }
        }
        let existing = found.filter { exists($0) }
        return existing.isEmpty ? [plain] : existing.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func hasWildcard(_ bytes: [UInt8]) -> Bool {
        bytes.contains { $0 == ASCII.star || $0 == ASCII.question || $0 == ASCII.openBracket }
    }

    /// `[` and `]` as the words of a test are not wildcards.
    private func isBareBracket(_ bytes: [UInt8]) -> Bool {
        !bytes.contains(ASCII.star) && !bytes.contains(ASCII.question)
            && !bytes.contains(ASCII.closeBracket)
    }

    /// Returns the field cut at its slashes.
    private func components(_ field: [FieldPart]) -> [[FieldPart]] {
        var result: [[FieldPart]] = [[]]
        for part in field {
            for (index, text) in part.bytes.split(separator: ASCII.slash, omittingEmptySubsequences: false)
                .enumerated()
            {
                if index > 0 { result.append([]) }
                if !text.isEmpty { result[result.count - 1].append((Array(text), part.isQuoted)) }
            }
        }
        return Array(result.dropFirst())
    }

    private mutating func step(_ bases: [[UInt8]], _ component: [FieldPart]) throws(ScriptStop) -> [[UInt8]] {
        let pattern = try pattern(component)
        if pattern.isLiteral { return bases.map { $0 + [ASCII.slash] + pattern.literal } }
        var result: [[UInt8]] = []
        for base in bases {
            for name in files.list(base.isEmpty ? [ASCII.slash] : base) ?? [] {
                try count(name.count + base.count + 16)
                if name.first == UInt8(ascii: "."), !pattern.matchesHidden { continue }
                if try matches(pattern, name[...]) { result.append(base + [ASCII.slash] + name) }
            }
        }
        return result
    }

    private func exists(_ path: [UInt8]) -> Bool { files.isSymlink(path) || files.permits(path, 0) }
}
