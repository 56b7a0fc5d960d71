import Patterns

/// A pattern for one name in a directory: `*`, `?`, `[…]`, and groups `?(a|b)`, `*(…)`, `+(…)`, `@(…)`, `!(…)`.
/// POSIX 1003.1-2017, "Shell Command Language" §2.13, and the bash manual, "Pattern Matching".
package struct NamePattern: Equatable {
    let pattern: Pattern

    /// - Parameter bytes: a `\` quotes the next character.
    init(_ bytes: ArraySlice<UInt8>) throws(PathPattern.Malformed) {
        var parser = Parser(rest: PatternCharacter.numbers(of: bytes)[...])
        pattern = Pattern(try parser.elements(depth: 0), unit: .character)
    }

    /// The name that it stands for; nil for a pattern.
    var literal: [UInt8]? { pattern.literal }

    package func matches(_ name: [UInt8]) -> Bool {
        // A pattern matches a hidden name only if it begins with a dot itself.
        if name.first == 0x2E, !Self.beginsWithDot(pattern.elements) { return false }
        return pattern.matches(name[...])
    }

    private static func beginsWithDot(_ elements: [Pattern.Element]) -> Bool {
        switch elements.first {
        case .one(0x2E): true
        case .group(let group): group.repeats != .not && group.choices.contains(where: beginsWithDot)
        default: false
        }
    }
}

extension NamePattern {
    private struct Parser {
        var rest: ArraySlice<Character>
        typealias Character = UInt32
        typealias Element = Pattern.Element

        /// Where groups begin that have no end, which are then ordinary text.
        private var open: Set<Int> = []

        init(rest: ArraySlice<Character>) { self.rest = rest }

        private static let deepest = 16

        private static let repeats: [Character: Pattern.Group.Repeats] = [
            0x3F: .optional, 0x2A: .many, 0x2B: .some, 0x40: .once, 0x21: .not,
        ]

        /// Reads elements up to the end, or inside a group up to its `|` or `)`, which are left.
        mutating func elements(depth: Int) throws(PathPattern.Malformed) -> [Element] {
            guard depth <= Self.deepest else {
                throw PathPattern.Malformed(reason: "groups inside each other more than \(Self.deepest) deep")
            }
            var result: [Element] = []
            while let next = rest.first {
                if depth > 0, next == 0x7C || next == 0x29 { break }
                rest.removeFirst()
                if let group = try group(next, depth) {
                    result.append(group)
                    continue
                }
                switch next {
                case 0x5C: result.append(.one(rest.popFirst() ?? next))
                case 0x2A: if result.last != .many { result.append(.many) }
                case 0x3F: result.append(.any)
                case 0x5B: result.append(set() ?? .one(next))
                default: result.append(.one(next))
                }
            }
            return result
        }

        /// Reads a group as `+(a|b)`. Returns nil, and takes nothing, when it has no end.
        private mutating func group(_ kind: Character, _ depth: Int) throws(PathPattern.Malformed) -> Element? {
            guard rest.first == 0x28, let repeats = Self.repeats[kind] else { return nil }
            let start = rest
            guard !open.contains(start.startIndex) else { return nil }
            rest.removeFirst()
            var choices = [try elements(depth: depth + 1)]
            while rest.first == 0x7C {
                rest.removeFirst()
                choices.append(try elements(depth: depth + 1))
            }
            guard rest.popFirst() == 0x29 else {
                rest = start
                open.insert(start.startIndex)
                return nil
            }
            return .group(Pattern.Group(repeats, choices))
        }

        /// Reads a set as `[a-z]`, `[!a]` or `[[:digit:]]`. Returns nil, and takes nothing, when it has no end.
        private mutating func set() -> Element? {
            var left = rest
            let isNegated = left.first == 0x21 || left.first == 0x5E
            if isNegated { left.removeFirst() }
            var ranges: [ClosedRange<Character>] = []
            var isFirst = true
            while let next = left.popFirst() {
                if next == 0x5D, !isFirst {
                    rest = left
                    return .set(ranges, isNegated: isNegated)
                }
                isFirst = false
                if next == 0x5B, left.first == 0x3A, let (named, after) = Self.named(left.dropFirst()) {
                    ranges += named
                    left = after
                    continue
                }
                let low = next == 0x5C ? left.popFirst() ?? next : next
                if left.first == 0x2D, let high = left.dropFirst().first, high != 0x5D {
                    left = left.dropFirst(2)
                    if low <= high { ranges.append(low...high) }
                } else {
                    ranges.append(low...low)
                }
            }
            return nil
        }

        /// Reads `digit:]`, which follows `[:`.
        private static func named(_ text: ArraySlice<Character>) -> ([ClosedRange<Character>], ArraySlice<Character>)? {
            guard let colon = text.firstIndex(of: 0x3A), text.dropFirst(colon + 1 - text.startIndex).first == 0x5D
            else { return nil }
            let name = String(String.UnicodeScalarView(text[..<colon].compactMap { Unicode.Scalar($0) }))
            let upper: ClosedRange<Character> = 0x41...0x5A
            let lower: ClosedRange<Character> = 0x61...0x7A
            let digit: ClosedRange<Character> = 0x30...0x39
            let classes: [String: [ClosedRange<Character>]] = [
                "alpha": [upper, lower], "upper": [upper], "lower": [lower], "digit": [digit],
                "alnum": [upper, lower, digit], "xdigit": [digit, 0x41...0x46, 0x61...0x66],
                "blank": [0x20...0x20, 0x09...0x09], "space": [0x20...0x20, 0x09...0x0D],
                "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E], "cntrl": [0...0x1F, 0x7F...0x7F],
                "print": [0x20...0x7E], "graph": [0x21...0x7E],
            ]
            return classes[name].map { ($0, text[(colon + 2)...]) }
        }
    }
}
