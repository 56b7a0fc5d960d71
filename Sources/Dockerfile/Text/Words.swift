import Linux

/// Splits lines into words.
enum Words {
    /// Returns the words between blanks. Quotes and escapes hold a word together and stay in it.
    static func split(_ text: String, escape: UInt8) throws(DockerfileProblem) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var quote: UInt8?
        var rest = text.bytes
        while let byte = rest.popFirst() {
            if quote == nil, byte.isBlank {
                if !word.isEmpty { words.append(word[...].text) }
                word = []
                continue
            }
            word.append(byte)
            if byte == escape, quote != ASCII.singleQuote {
                if let next = rest.popFirst() { word.append(next) }
            } else if byte == quote {
                quote = nil
            } else if quote == nil, byte == ASCII.singleQuote || byte == ASCII.doubleQuote {
                quote = byte
            }
        }
        if let quote { throw .unclosed(quote) }
        if !word.isEmpty { words.append(word[...].text) }
        return words
    }

    /// Returns the words between blanks, ignoring quotes: paths with blanks need the JSON form.
    static func plain(_ text: String) -> [String] { text.bytes.split { $0.isBlank }.map(\.text) }
}

extension DockerfileProblem {
    static func unclosed(_ quote: UInt8) -> DockerfileProblem {
        let sign = quote == ASCII.doubleQuote ? "\"" : "'"
        return DockerfileProblem("a quoted word has no end", expected: "a closing \(sign)")
    }
}

/// `["a", "b"]`: the form of instructions that need no shell.
enum JSONStrings {
    /// - Returns: nil when the text is not a JSON array of strings, and so a line for the shell.
    static func read(_ text: String) -> [String]? {
        var rest = text.bytes.trimmed
        guard rest.popFirst() == 0x5B else { return nil }
        var strings: [String] = []
        rest = rest.trimmedLeft
        if rest.first == 0x5D { return rest.count == 1 ? [] : nil }
        while true {
            guard let string = string(&rest) else { return nil }
            strings.append(string)
            rest = rest.trimmedLeft
            switch rest.popFirst() {
            case 0x2C: rest = rest.trimmedLeft
            case 0x5D: return rest.isEmpty ? strings : nil
            default: return nil
            }
        }
    }

    private static func string(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.popFirst() == ASCII.doubleQuote else { return nil }
        var units: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case ASCII.doubleQuote: return String(decoding: units, as: UTF8.self)
            case 0..<0x20: return nil
            case ASCII.backslash:
                guard let escaped = escaped(&rest) else { return nil }
                units += escaped
            default: units.append(byte)
            }
        }
        return nil
    }

    private static func escaped(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard let byte = rest.popFirst() else { return nil }
        switch byte {
        case ASCII.doubleQuote, ASCII.backslash, ASCII.slash: return [byte]
        case 0x62: return [0x08]
        case 0x66: return [0x0C]
        case 0x6E: return [0x0A]
        case 0x72: return [0x0D]
        case 0x74: return [0x09]
        case 0x75: return unicode(&rest)
        default: return nil
        }
    }

    /// Parses `\uXXXX`, or two of them for a surrogate pair. A lone surrogate becomes U+FFFD, as in Go.
    private static func unicode(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard let first = unit(&rest) else { return nil }
        var ahead = rest
        if (0xD800..<0xDC00).contains(first), ahead.popFirst() == ASCII.backslash, ahead.popFirst() == 0x75,
            let second = unit(&ahead), (0xDC00..<0xE000).contains(second)
        {
            rest = ahead
            return Array(String(decoding: [first, second], as: UTF16.self).utf8)
        }
        return Array(String(decoding: [first], as: UTF16.self).utf8)
    }

    private static func unit(_ rest: inout ArraySlice<UInt8>) -> UInt16? {
        let digits = rest.prefix(4)
        guard digits.count == 4, digits.allSatisfy({ $0.isDigit || (0x61...0x66).contains($0 | 0x20) }) else {
            return nil
        }
        rest = rest.dropFirst(4)
        return UInt16(digits.text, radix: 16)
    }
}
