import Linux
import Patterns

/// Patterns of `case`, `${NAME%…}` and file names: POSIX 1003.1-2017, "Shell Command Language" §2.13.
struct ShellPattern {
    /// Nil for a text without special characters, like most words of `case`.
    private let pattern: Pattern?
    /// Whether it has `?` or `[…]`: they match characters, and what a character is depends on the locale.
    private let needsCharacters: Bool
    var size: Int { pattern?.elements.count ?? literal.count }
    private(set) var isLiteral = true
    /// The bytes that the pattern stands for if it is literal.
    private(set) var literal: [UInt8] = []
    /// Begins with a dot that matches one: hidden files need it.
    private(set) var matchesHidden = false

    /// - Parameter pieces: text and whether it was quoted, so that its wildcards are ordinary.
    init(_ pieces: [(bytes: [UInt8], isQuoted: Bool)]) throws(NeedsShell) {
        guard pieces.contains(where: Self.isSpecial) else {
            (pattern, needsCharacters) = (nil, false)
            literal = pieces.count == 1 ? pieces[0].bytes : pieces.flatMap(\.bytes)
            matchesHidden = literal.first == ASCII.dot
            return
        }
        var flat: [(byte: UInt8, isQuoted: Bool)] = []
        for piece in pieces { for byte in piece.bytes { flat.append((byte, piece.isQuoted)) } }
        matchesHidden = flat.first?.byte == ASCII.dot
        var elements: [Pattern.Element] = []
        var needsCharacters = false
        var literal: [UInt8] = []
        func append(_ byte: UInt8) {
            elements.append(.one(UInt32(byte)))
            literal.append(byte)
        }
        var index = 0
        while index < flat.count {
            let (byte, isQuoted) = flat[index]
            index += 1
            switch byte {
            case ASCII.star where !isQuoted:
                if case .many = elements.last {} else { elements.append(.many) }
                isLiteral = false
            case ASCII.question where !isQuoted:
                elements.append(.any)
                (isLiteral, needsCharacters) = (false, true)
            case ASCII.openBracket where !isQuoted:
                if let (element, next) = try ShellPattern.set(flat, from: index) {
                    elements.append(element)
                    (isLiteral, needsCharacters) = (false, true)
                    index = next
                } else {
                    append(byte)
                }
            case ASCII.backslash where !isQuoted:
                // From the value of a variable; shells disagree whether it hides the next byte.
                throw NeedsShell("backslash in a pattern")
            default: append(byte)
            }
        }
        pattern = Pattern(elements, unit: .byte)
        (self.needsCharacters, self.literal) = (needsCharacters, literal)
    }

    private static func isSpecial(_ piece: (bytes: [UInt8], isQuoted: Bool)) -> Bool {
        if piece.isQuoted { return false }
        for byte in piece.bytes {
            switch byte {
            case ASCII.star, ASCII.question, ASCII.openBracket, ASCII.backslash: return true
            default: continue
            }
        }
        return false
    }

    /// Returns a bracket expression whose `[` was just read; nil if it has no end and so is ordinary text.
    private static func set(_ flat: [(byte: UInt8, isQuoted: Bool)], from start: Int) throws(NeedsShell) -> (
        Pattern.Element, Int
    )? {
        guard flat[start...].contains(where: { $0.byte == ASCII.closeBracket && !$0.isQuoted }) else { return nil }
        var index = start
        var isNegated = false
        if flat[index].byte == ASCII.bang, !flat[index].isQuoted {
            isNegated = true
            index += 1
        }
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while index < flat.count {
            let (byte, isQuoted) = flat[index]
            if byte == ASCII.closeBracket, !isQuoted, !isFirst {
                return (.set(ranges, isNegated: isNegated), index + 1)
            }
            // Classes, and signs on which shells disagree.
            guard !isQuoted, byte < 0x80, byte != ASCII.openBracket, byte != UInt8(ascii: "^"),
                byte != ASCII.slash, byte != ASCII.closeBracket
            else { throw NeedsShell("bracket expression") }
            isFirst = false
            if index + 2 < flat.count, flat[index + 1].byte == ASCII.dash,
                flat[index + 2].byte != ASCII.closeBracket
            {
                let last = flat[index + 2].byte
                guard byte <= last, last < 0x80, !flat[index + 2].isQuoted, last != ASCII.openBracket else {
                    throw NeedsShell("range")
                }
                // The order of letters depends on the locale; digits and letters of one case are the same everywhere we
                // care about.
                ranges.append(UInt32(byte)...UInt32(last))
                index += 3
            } else {
                ranges.append(UInt32(byte)...UInt32(byte))
                index += 1
            }
        }
        throw NeedsShell("bracket expression")
    }

    func matches(_ text: ArraySlice<UInt8>) throws(NeedsShell) -> Bool {
        if isLiteral { return text.elementsEqual(literal) }
        if needsCharacters, text.contains(where: { $0 >= 0x80 }) { throw NeedsShell("pattern on text beyond ASCII") }
        return pattern?.matches(text) ?? false
    }
}
