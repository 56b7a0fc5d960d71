/// A pattern for one name in a directory: `*`, `?`, `[…]`, and groups `?(a|b)`, `*(…)`, `+(…)`, `@(…)`, `!(…)`.
/// POSIX 1003.1-2017, "Shell Command Language" §2.13, and the bash manual, "Pattern Matching".
package struct NamePattern: Equatable {
    /// A character: a scalar of Unicode, or beyond them a byte that is no UTF-8.
    typealias Character = UInt32

    enum Element: Equatable {
        case one(Character)
        case any
        case many
        case set([ClosedRange<Character>], isNegated: Bool)
        case group(Group)
    }

    /// Choices, and how often one of them stands there. Groups of a pattern have different numbers.
    struct Group: Equatable {
        let repeats: Repeats
        let choices: [[Element]]
        let number: Int
    }

    enum Repeats: UInt8 {
        case optional = 0x3F
        case many = 0x2A
        case some = 0x2B
        case once = 0x40
        case not = 0x21
    }

    let elements: [Element]

    /// - Parameter bytes: `\` takes the next character's meaning away.
    init(_ bytes: ArraySlice<UInt8>) throws(PathPattern.Malformed) {
        var parser = Parser(rest: Self.characters(bytes)[...])
        elements = try parser.elements(depth: 0)
    }

    /// The name that it stands for if it is no pattern.
    var literal: [UInt8]? {
        var result: [UInt8] = []
        for element in elements {
            guard case .one(let character) = element else { return nil }
            if character >= 0x110000 {
                result.append(UInt8(truncatingIfNeeded: character - 0x110000))
            } else if let scalar = Unicode.Scalar(character) {
                result += Array(String(scalar).utf8)
            }
        }
        return result
    }

    static func characters(_ bytes: ArraySlice<UInt8>) -> [Character] {
        var result: [Character] = []
        var rest = bytes
        while let first = rest.first {
            let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
            let part = rest.prefix(length)
            let scalars = String(validating: part, as: UTF8.self)?.unicodeScalars
            if let scalar = scalars?.first, scalars?.count == 1 {
                result.append(scalar.value)
                rest = rest.dropFirst(length)
            } else {
                result.append(0x110000 + UInt32(first))
                rest = rest.dropFirst()
            }
        }
        return result
    }

    package func matches(_ name: [UInt8]) -> Bool {
        // A hidden name takes a dot that is written.
        if name.first == 0x2E, !Self.beginsWithDot(elements) { return false }
        return NameMatcher(Self.characters(name[...])).matches(elements)
    }

    private static func beginsWithDot(_ elements: [Element]) -> Bool {
        switch elements.first {
        case .one(0x2E): true
        case .group(let group): group.repeats != .not && group.choices.contains(where: beginsWithDot)
        default: false
        }
    }
}

/// Matches one name with patterns, in sets of positions: where a part of a pattern that begins somewhere can end. What a
/// choice of a group does at a position is found out once, so that groups inside each other do not multiply.
final class NameMatcher {
    private let text: [NamePattern.Character]
    private var known: [Place: Set<Int>] = [:]
    /// How often an element was looked at from a position: what a pattern costs.
    private(set) var steps = 0

    private struct Place: Hashable {
        let group: Int
        let choice: Int
        let start: Int
    }

    init(_ text: [NamePattern.Character]) { self.text = text }

    func matches(_ elements: [NamePattern.Element]) -> Bool { ends(elements, from: 0).contains(text.count) }

    private func ends(_ elements: [NamePattern.Element], from start: Int) -> Set<Int> {
        var positions: Set<Int> = [start]
        for element in elements where !positions.isEmpty { positions = ends(element, from: positions) }
        return positions
    }

    private func ends(_ element: NamePattern.Element, from starts: Set<Int>) -> Set<Int> {
        steps += starts.count
        func after(_ takes: (NamePattern.Character) -> Bool) -> Set<Int> {
            Set(starts.filter { $0 < text.count && takes(text[$0]) }.map { $0 + 1 })
        }
        switch element {
        case .one(let wanted): return after { $0 == wanted }
        case .any: return after { _ in true }
        case .set(let ranges, let isNegated):
            return after { character in ranges.contains { $0.contains(character) } != isNegated }
        case .many: return starts.min().map { Set($0...text.count) } ?? []
        case .group(let group): return ends(group, from: starts)
        }
    }

    private func ends(_ group: NamePattern.Group, from starts: Set<Int>) -> Set<Int> {
        switch group.repeats {
        case .once: return once(group, from: starts)
        case .optional: return starts.union(once(group, from: starts))
        case .some: return repeated(group, from: once(group, from: starts))
        case .many: return repeated(group, from: starts)
        case .not:
            return starts.reduce(into: []) { result, start in
                result.formUnion(Set(start...text.count).subtracting(once(group, from: [start])))
            }
        }
    }

    private func once(_ group: NamePattern.Group, from starts: Set<Int>) -> Set<Int> {
        var result: Set<Int> = []
        for start in starts {
            for (choice, elements) in group.choices.enumerated() {
                let place = Place(group: group.number, choice: choice, start: start)
                let found = known[place] ?? ends(elements, from: start)
                known[place] = found
                result.formUnion(found)
            }
        }
        return result
    }

    private func repeated(_ group: NamePattern.Group, from starts: Set<Int>) -> Set<Int> {
        var (reached, last) = (starts, starts)
        while !last.isEmpty {
            last = once(group, from: last).subtracting(reached)
            reached.formUnion(last)
        }
        return reached
    }
}

extension NamePattern {
    private struct Parser {
        var rest: ArraySlice<Character>
        private var groups = 0
        /// Where groups begin that have no end; what follows them is read again as it stands.
        private var open: Set<Int> = []

        init(rest: ArraySlice<Character>) { self.rest = rest }

        private static let deepest = 16

        /// Up to the end, or inside a group up to its `|` or `)`, which stay.
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

        /// `+(a|b)`; nil, and nothing taken, when it has no end.
        private mutating func group(_ kind: Character, _ depth: Int) throws(PathPattern.Malformed) -> Element? {
            guard rest.first == 0x28, kind < 0x80, let repeats = Repeats(rawValue: UInt8(truncatingIfNeeded: kind))
            else { return nil }
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
            groups += 1
            return .group(Group(repeats: repeats, choices: choices, number: groups))
        }

        /// `[a-z]`, `[!a]`, `[[:digit:]]`; nil, and nothing taken, when it has no end.
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

        /// `digit:]`, as it stands behind `[:`.
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
