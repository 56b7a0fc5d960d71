import TestSupport
import Testing

@testable import Patterns

/// The engine under all dialects; what each writes is tested where it is parsed.
@Suite struct PatternTests {
    private func bytes(_ text: String) -> ArraySlice<UInt8> { Array(text.utf8)[...] }

    private static let slash: UInt8 = 0x2F

    @Test(arguments: [
        ("", true), ("a", true), ("a/", true), ("a/b", true), ("ab", true),
    ]) func anythingTakesSeparators(text: String, expected: Bool) {
        #expect(Pattern([.anything], unit: .byte, separator: Self.slash).matches(bytes(text)) == expected)
    }

    @Test(arguments: [
        ("x", true), ("a/x", true), ("a/b/x", true), ("/x", true), ("ax", false), ("a/bx", false), ("a/x/", false),
    ]) func directoriesEndWithTheSeparator(text: String, expected: Bool) {
        let pattern = Pattern([.directories, .one(0x78)], unit: .byte, separator: Self.slash)
        #expect(pattern.matches(bytes(text)) == expected)
    }

    @Test func wildcardsStopAtTheSeparator() {
        for (element, text) in [(Pattern.Element.any, "/"), (.many, "a/b")] {
            #expect(!Pattern([element], unit: .byte, separator: Self.slash).matches(bytes(text)))
            #expect(Pattern([element], unit: .byte).matches(bytes(text)))
        }
        // A set is told what it takes.
        let set = Pattern.Element.set([0x61...0x61], isNegated: true)
        #expect(Pattern([set], unit: .byte, separator: Self.slash).matches(bytes("/")))
    }

    @Test func charactersAreNotBytes() {
        #expect(
            Pattern([.any], unit: .character).matches(bytes("ä")) && !Pattern([.any], unit: .byte).matches(bytes("ä")))
        #expect(Pattern([.many, .any], unit: .character).matches(bytes("aä")))
        #expect(Pattern([.any, .any], unit: .byte).matches(bytes("ä")))
        // Bytes that are no UTF-8 count one each: a lone continuation, a surrogate, too long a form, a cut character.
        for (text, count) in [([0x80], 1), ([0xED, 0xA0, 0x80], 3), ([0xC0, 0x80], 2), ([0xE2, 0x82], 2)]
            as [([UInt8], Int)]
        {
            let any = [Pattern.Element](repeating: .any, count: count)
            #expect(Pattern(any, unit: .character).matches(text[...]), "\(text)")
            #expect(PatternCharacter.numbers(of: text[...]).allSatisfy { $0 >= 0x11_0000 }, "\(text)")
        }
    }

    @Test(arguments: ["", "plain", "ä€😀", "\u{10FFFF}"]) func textsWithoutWildcardsComeBack(text: String) {
        let numbers = PatternCharacter.numbers(of: bytes(text)).map { Pattern.Element.one($0) }
        #expect(Pattern(numbers, unit: .character).literal == Array(text.utf8))
        #expect(Pattern(numbers + [.many], unit: .character).literal == nil)
        #expect(Pattern(numbers, unit: .character).matches(bytes(text)))
    }

    @Test func bytesThatAreNoTextComeBack() {
        let text: [UInt8] = [0x66, 0xFF, 0xC3, 0x28]
        let numbers = PatternCharacter.numbers(of: text[...]).map { Pattern.Element.one($0) }
        #expect(Pattern(numbers, unit: .character).literal == text)
    }

    @Test func lengthsAscend() {
        let pattern = Pattern([.one(0x61), .many], unit: .byte)
        #expect(pattern.lengths(in: bytes("abc")) == [1, 2, 3])
        #expect(pattern.lengths(in: bytes("xabc").dropFirst()) == [1, 2, 3])
        #expect(pattern.lengths(in: bytes("b")) == [] && Pattern([], unit: .byte).lengths(in: bytes("b")) == [0])
    }

    /// The short way for patterns without groups finds what the long way finds.
    @Test func bothWaysAgree() {
        var generator = SeededRandom(7)
        var found: Set<Bool> = []
        for _ in 0..<5000 {
            let elements = (0..<Int.random(in: 0...6, using: &generator)).map { _ -> Pattern.Element in
                [.one(0x61), .one(0xE4), .any, .many, .set([0x61...0x62], isNegated: Bool.random(using: &generator))]
                    .randomElement(using: &generator) ?? .any
            }
            let text = (0..<Int.random(in: 0...7, using: &generator)).map { _ in
                ["a", "b", "ä"].randomElement(using: &generator) ?? ""
            }.joined()
            let pattern = Pattern(elements, unit: .character)
            let answer = pattern.matches(bytes(text))
            #expect(
                answer == PatternMatcher(pattern, bytes(text)).ends().contains(text.utf8.count), "\(elements) \(text)")
            found.insert(answer)
        }
        #expect(found.count == 2)
    }

    /// Groups inside each other: every element is looked at from every position, and no more often.
    @Test func nestedGroupsDoNotMultiply() {
        for repeats in [Pattern.Group.Repeats.many, .some, .not, .optional] {
            var element = Pattern.Element.one(0x61)
            for _ in 0..<12 { element = .group(Pattern.Group(repeats, [[element], [element, .one(0x61)]])) }
            let text = [UInt8](repeating: 0x61, count: 24)[...]
            let matcher = PatternMatcher(Pattern([element, .one(0x62)], unit: .byte), text)
            _ = matcher.ends()
            #expect(matcher.steps < 1 << 22, "\(repeats): \(matcher.steps)")
        }
    }
}
