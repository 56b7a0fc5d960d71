/// A pattern for text, as the parser of a dialect made it: wildcards of the shell, of `%files`, of Dockerfiles and of their
/// ignore files. All are matched here, on bytes, in time that no pattern makes grow beyond a power of the text's length.
package struct Pattern: Sendable, Equatable {
    /// What `any` and a set take one of.
    package enum Unit: Sendable, Equatable {
        case byte
        /// A character of UTF-8, or a byte that is none.
        case character
    }

    package enum Element: Sendable, Equatable {
        /// A byte, or a character by its number; a byte that is no UTF-8 has the number that `number(of:)` gives it.
        case one(UInt32)
        /// Anything but the separator.
        case any
        /// Any number of anything but the separator.
        case many
        /// A character of these ranges, or of none of them; the separator is like any other.
        case set([ClosedRange<UInt32>], isNegated: Bool)
        /// Any text, whatever is in it.
        case anything
        /// Nothing, or any text that ends in the separator.
        case directories
        case group(Group)
    }

    /// Choices, and how often one of them stands there.
    package struct Group: Sendable, Equatable {
        package enum Repeats: Sendable { case optional, many, some, once, not }

        package let repeats: Repeats
        package fileprivate(set) var choices: [[Element]]
        /// Groups of a pattern have different ones.
        fileprivate(set) var number = 0

        package init(_ repeats: Repeats, _ choices: [[Element]]) { (self.repeats, self.choices) = (repeats, choices) }
    }

    package let elements: [Element]
    package let unit: Unit
    package let separator: UInt8?
    /// Whether going back to the last star is enough to match.
    private let isFlat: Bool

    /// - Parameter separator: what `any` and `many` do not match.
    package init(_ elements: [Element], unit: Unit, separator: UInt8? = nil) {
        (self.unit, self.separator) = (unit, separator)
        var isFlat = separator == nil
        var hasGroups = false
        for element in elements {
            switch element {
            case .one, .any, .many, .set: continue
            case .anything, .directories: isFlat = false
            case .group: (isFlat, hasGroups) = (false, true)
            }
        }
        self.isFlat = isFlat
        var groups = 0
        self.elements = hasGroups ? Self.numbered(elements, &groups) : elements
    }

    private static func numbered(_ elements: [Element], _ groups: inout Int) -> [Element] {
        elements.map { element in
            guard case .group(var group) = element else { return element }
            groups += 1
            group.number = groups
            group.choices = group.choices.map { numbered($0, &groups) }
            return .group(group)
        }
    }

    /// The text that it stands for, if it has no wildcard.
    package var literal: [UInt8]? {
        var result: [UInt8] = []
        for element in elements {
            guard case .one(let number) = element else { return nil }
            if unit == .byte {
                result.append(UInt8(truncatingIfNeeded: number))
            } else {
                PatternCharacter.append(number, to: &result)
            }
        }
        return result
    }

    /// Returns whether all of a text matches.
    package func matches(_ text: ArraySlice<UInt8>) -> Bool {
        if isFlat { return text.withUnsafeBufferPointer { matchesFlat($0) } }
        return PatternMatcher(self, text).ends().contains(text.count)
    }

    /// Returns the lengths of what matches at the beginning of a text, in ascending order.
    package func lengths(in text: ArraySlice<UInt8>) -> [Int] { PatternMatcher(self, text).ends().all }

    private func matchesFlat(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var (at, element) = (0, 0)
        var star: (element: Int, text: Int)?
        while at < text.count {
            let (number, length) = PatternCharacter.first(of: text, at, unit)
            if element < elements.count {
                if case .many = elements[element] {
                    star = (element, at)
                    element += 1
                    continue
                }
                if Self.takes(elements[element], number) {
                    element += 1
                    at += length
                    continue
                }
            }
            guard let last = star else { return false }
            let next = last.text + PatternCharacter.first(of: text, last.text, unit).length
            star = (last.element, next)
            (element, at) = (last.element + 1, next)
        }
        while element < elements.count, case .many = elements[element] { element += 1 }
        return element == elements.count
    }

    /// Whether an element that takes one character takes this one, the separator aside.
    static func takes(_ element: Element, _ number: UInt32) -> Bool {
        switch element {
        case .one(let wanted): number == wanted
        case .any: true
        case .set(let ranges, let isNegated): ranges.contains { $0.contains(number) } != isNegated
        case .many, .anything, .directories, .group: false
        }
    }
}
