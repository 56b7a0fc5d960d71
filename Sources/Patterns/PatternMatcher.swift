/// Matches one text in sets of positions: where a part of a pattern that begins somewhere can end. What a choice of a group
/// does at a position is found out once, so that groups inside each other do not multiply.
final class PatternMatcher {
    private let pattern: Pattern
    private let text: ArraySlice<UInt8>
    private var known: [Place: Positions] = [:]
    /// How often an element was looked at from a position: what a pattern costs.
    private(set) var steps = 0

    private struct Place: Hashable {
        let group: Int
        let choice: Int
        let start: Int
    }

    init(_ pattern: Pattern, _ text: ArraySlice<UInt8>) { (self.pattern, self.text) = (pattern, text) }

    /// Where a match that begins with the text can end.
    func ends() -> Positions { ends(pattern.elements, from: Positions(0, upTo: text.count)) }

    private func ends(_ elements: [Pattern.Element], from start: Positions) -> Positions {
        var positions = start
        for element in elements where !positions.isEmpty { positions = ends(element, from: positions) }
        return positions
    }

    private func ends(_ element: Pattern.Element, from starts: Positions) -> Positions {
        if case .group(let group) = element { return ends(group, from: starts) }
        var result = Positions(upTo: text.count)
        text.withUnsafeBufferPointer { text in
            /// Whether what began before goes on here.
            var isOpen = false
            // Every position of a match is the begin of a character, so the characters are passed once for all starts.
            var at = starts.first ?? text.count
            while true {
                let isStart = starts.contains(at)
                if isStart { steps += 1 }
                isOpen = isOpen || isStart
                let isEnd = at == text.count
                let isSeparator = !isEnd && text[at] == pattern.separator
                switch element {
                case .many:
                    if isOpen { result.insert(at) }
                    if isSeparator { isOpen = false }
                case .anything: result.insert(at)
                case .directories:
                    if isStart { result.insert(at) }
                    if isSeparator { result.insert(at + 1) }
                default: break
                }
                if isEnd { break }
                let (number, length) = PatternCharacter.first(of: text, at, pattern.unit)
                let isBarred = if case .any = element { isSeparator } else { false }
                if isStart, !isBarred, Pattern.takes(element, number) { result.insert(at + length) }
                at += length
            }
        }
        return result
    }

    private func ends(_ group: Pattern.Group, from starts: Positions) -> Positions {
        switch group.repeats {
        case .once: return once(group, from: starts)
        case .optional: return starts.union(once(group, from: starts))
        case .some: return repeated(group, from: once(group, from: starts))
        case .many: return repeated(group, from: starts)
        case .not:
            var result = Positions(upTo: text.count)
            for start in starts.all {
                let all = ends(.anything, from: Positions(start, upTo: text.count))
                result = result.union(all.subtracting(once(group, from: Positions(start, upTo: text.count))))
            }
            return result
        }
    }

    private func once(_ group: Pattern.Group, from starts: Positions) -> Positions {
        var result = Positions(upTo: text.count)
        for start in starts.all {
            for (choice, elements) in group.choices.enumerated() {
                let place = Place(group: group.number, choice: choice, start: start)
                let found = known[place] ?? ends(elements, from: Positions(start, upTo: text.count))
                known[place] = found
                result = result.union(found)
            }
        }
        return result
    }

    private func repeated(_ group: Pattern.Group, from starts: Positions) -> Positions {
        var (reached, last) = (starts, starts)
        while !last.isEmpty {
            last = once(group, from: last).subtracting(reached)
            reached = reached.union(last)
        }
        return reached
    }
}

/// A set of positions in a text, its end included.
struct Positions: Equatable {
    private var words: [UInt64]

    /// No position of a text of this length.
    init(upTo count: Int) { words = Array(repeating: 0, count: count / 64 + 1) }

    /// One position.
    init(_ position: Int, upTo count: Int) {
        self.init(upTo: count)
        insert(position)
    }

    mutating func insert(_ position: Int) { words[position / 64] |= 1 << UInt64(position % 64) }

    func contains(_ position: Int) -> Bool { words[position / 64] & 1 << UInt64(position % 64) != 0 }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    var first: Int? {
        guard let index = words.firstIndex(where: { $0 != 0 }) else { return nil }
        return index * 64 + words[index].trailingZeroBitCount
    }

    /// In ascending order.
    var all: [Int] {
        var result: [Int] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                result.append(index * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return result
    }

    /// Of sets for one text.
    func union(_ other: Positions) -> Positions {
        var result = self
        for index in words.indices { result.words[index] |= other.words[index] }
        return result
    }

    func subtracting(_ other: Positions) -> Positions {
        var result = self
        for index in words.indices { result.words[index] &= ~other.words[index] }
        return result
    }
}
