/// Strings, numbers, booleans, dates.
extension TOMLReader {
    // MARK: - strings

    mutating func text() throws(TOMLError) -> String {
        if take("'''") { return try longText(closing: "'''", escapes: false) }
        if take("\"\"\"") { return try longText(closing: "\"\"\"", escapes: true) }
        if take("'") { return try shortText(closing: "'", escapes: false) }
        _ = take("\"")
        return try shortText(closing: "\"", escapes: true)
    }

    private mutating func shortText(closing quote: String, escapes: Bool) throws(TOMLError) -> String {
        var result: [UInt8] = []
        while !take(quote) {
            guard let byte = peek(), byte != 0x0A, byte != 0x0D else { throw error("the end of a string is missing") }
            try take(byte, escapes, into: &result)
        }
        return String(decoding: result, as: UTF8.self)
    }

    private mutating func longText(closing quote: String, escapes: Bool) throws(TOMLError) -> String {
        if !take("\n") { _ = take("\r\n") }
        var result: [UInt8] = []
        while true {
            if isNext(quote) {
                // Up to two quotation marks may stand in front of the closing ones.
                while isNext(quote + String(quote.prefix(1))), let byte = peek() {
                    result.append(byte)
                    position += 1
                }
                position += 3
                return String(decoding: result, as: UTF8.self)
            }
            guard let byte = peek() else { throw error("the end of a string is missing") }
            if byte == 0x0A || byte == 0x0D {
                result.append(byte)
                position += 1
            } else if escapes, byte == UInt8(ascii: "\\"), skipLineEnd() {
                continue
            } else {
                try take(byte, escapes, into: &result)
            }
        }
    }

    /// Goes on behind a backslash at the end of a line, and the white space after it.
    private mutating func skipLineEnd() -> Bool {
        var place = position + 1
        while place < bytes.count, bytes[place] == 0x20 || bytes[place] == 0x09 { place += 1 }
        guard place < bytes.count, bytes[place] == 0x0A || bytes[place] == 0x0D else { return false }
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
        position = place
        return true
    }

    private mutating func take(_ byte: UInt8, _ escapes: Bool, into result: inout [UInt8]) throws(TOMLError) {
        guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { throw error("a control character") }
        position += 1
        guard escapes, byte == UInt8(ascii: "\\") else { return result.append(byte) }
        guard let letter = peek() else { throw error("the end of a string is missing") }
        position += 1
        switch letter {
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): result.append(letter)
        case UInt8(ascii: "u"): result += try character(digits: 4)
        case UInt8(ascii: "U"): result += try character(digits: 8)
        default: throw error("an unknown escape")
        }
    }

    private mutating func character(digits count: Int) throws(TOMLError) -> [UInt8] {
        var number: UInt32 = 0
        for _ in 0..<count {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("an escape of \(count) hexadecimal digits")
            }
            number = number << 4 | UInt32(digit)
            position += 1
        }
        guard let scalar = Unicode.Scalar(number) else { throw error("an escape that is no character") }
        return Array(String(Character(scalar)).utf8)
    }

    // MARK: - the rest

    mutating func plainValue() throws(TOMLError) -> TOMLValue {
        let start = position
        while let byte = peek(), Self.isPlain(byte) { position += 1 }
        var word = String(decoding: bytes[start..<position], as: UTF8.self)
        // A date and a time may stand apart.
        if Self.isDate(word), peek() == 0x20, let next = peek(1), (0x30...0x39).contains(next) {
            position += 1
            while let byte = peek(), Self.isPlain(byte) { position += 1 }
            word = String(decoding: bytes[start..<position], as: UTF8.self)
        }
        switch word {
        case "true": return .flag(true)
        case "false": return .flag(false)
        case "": throw error("a value is missing")
        default: break
        }
        if let number = Self.integer(word) { return .integer(number) }
        if let number = Self.float(word) { return .float(number) }
        if Self.isMoment(word) { return .moment(word) }
        throw error("'\(word)' is no value", at: start)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: ":"): true
        default: false
        }
    }

    private static func integer(_ word: String) -> Int64? {
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.hasPrefix(prefix) {
            guard let digits = digits(word.dropFirst(2), radix) else { return nil }
            return Int64(digits, radix: radix)
        }
        let isSigned = word.hasPrefix("-") || word.hasPrefix("+")
        let body = word.dropFirst(isSigned ? 1 : 0)
        guard let digits = digits(body, 10), digits == "0" || !digits.hasPrefix("0") else { return nil }
        return Int64(word.hasPrefix("-") ? "-" + digits : digits)
    }

    /// The digits without the underscores that may stand between two of them.
    private static func digits(_ text: Substring, _ radix: Int) -> String? {
        guard let first = text.first, first != "_", text.last != "_", !text.contains("__") else { return nil }
        let digits = text.filter { $0 != "_" }
        return digits.allSatisfy { $0.hexDigitValue.map { $0 < radix } ?? false } ? String(digits) : nil
    }

    private static func float(_ word: String) -> Double? {
        let isSigned = word.hasPrefix("-") || word.hasPrefix("+")
        let body = word.dropFirst(isSigned ? 1 : 0)
        let sign = word.hasPrefix("-") ? -1.0 : 1.0
        if body == "inf" { return sign * .infinity }
        if body == "nan" { return .nan }
        let halves = body.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        let parts = halves[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2 || parts.count == 2 else { return nil }
        guard let whole = digits(parts[0], 10), whole == "0" || !whole.hasPrefix("0") else { return nil }
        var text = whole
        if parts.count == 2 {
            guard let fraction = digits(parts[1], 10) else { return nil }
            text += "." + fraction
        }
        if halves.count == 2 {
            let hasSign = halves[1].hasPrefix("-") || halves[1].hasPrefix("+")
            guard let exponent = digits(halves[1].dropFirst(hasSign ? 1 : 0), 10) else { return nil }
            text += "e" + (halves[1].hasPrefix("-") ? "-" : "") + exponent
        }
        return Double(text).map { sign * $0 }
    }

    // MARK: - dates and times

    private static func isDate(_ word: String) -> Bool { fits(word, "dddd-dd-dd") }

    private static func isMoment(_ word: String) -> Bool {
        if isDate(word) || isTime(word[...]) { return true }
        guard word.utf8.count > 11, isDate(String(word.prefix(10))) else { return false }
        let separator = word.dropFirst(10).first
        guard separator == "T" || separator == "t" || separator == " " else { return false }
        var time = word.dropFirst(11)
        if time.hasSuffix("Z") || time.hasSuffix("z") {
            time = time.dropLast()
        } else if time.count > 6, let sign = time.dropLast(5).last, sign == "+" || sign == "-" {
            guard fits(String(time.suffix(5)), "dd:dd") else { return false }
            time = time.dropLast(6)
        }
        return isTime(time)
    }

    private static func isTime(_ word: Substring) -> Bool {
        guard fits(String(word.prefix(8)), "dd:dd:dd") else { return false }
        let rest = word.dropFirst(8)
        return rest.isEmpty || (rest.hasPrefix(".") && digits(rest.dropFirst(), 10) != nil)
    }

    private static func fits(_ word: String, _ pattern: String) -> Bool {
        word.utf8.count == pattern.utf8.count
            && zip(word.utf8, pattern.utf8).allSatisfy { byte, wanted in
                wanted == UInt8(ascii: "d") ? (0x30...0x39).contains(byte) : byte == wanted
            }
    }
}
