import CLinux
import Linux
import TestSupport
import Testing

@testable import Build
@testable import Patterns

@Suite struct PatternTests {
    @Test(arguments: [
        ("*", "a", true), ("*", ".a", false), (".*", ".a", true), ("a*c", "abbc", true), ("a*c", "abb", false),
        ("?", "ä", true), ("?", "", false), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false), ("[^a]", "b", true),
        ("[]]", "]", true), ("[[:digit:]]", "7", true), ("[[:digit:]]", "x", false), ("[a", "[a", true),
        ("\\*", "*", true), ("\\*", "a", false), ("+(a|b).txt", "abab.txt", true), ("+(a|b).txt", ".txt", false),
        ("*(a|b)c", "c", true), ("?(a)b", "b", true), ("?(a)b", "aab", false), ("@(a|bc)", "bc", true),
        ("!(a*)", "b", true), ("!(a*)", "ab", false), ("*(*(a))b", "aaab", true), ("+(", "+(", true),
        ("@(.a|b)", ".a", true), ("!(b)", ".a", false),
    ])
    func matches(pattern: String, name: String, expected: Bool) throws {
        let found = try NamePattern(Array(pattern.utf8)[...])
        #expect(found.matches(Array(name.utf8)) == expected)
    }

    @Test(arguments: [
        ("{a,b}", ["a", "b"]), ("x{a,b{c,d}}y", ["xay", "xbcy", "xbdy"]), ("{a}", ["{a}"]), ("\\{a,b}", ["{a,b}"]),
        ("$", ["$"]), ("a\\ b", ["a b"]), ("{a,", ["{a,"]),
    ])
    func expandsBraces(text: String, literals: [String]) throws {
        #expect(try PathPattern.all(text).map { $0.literal.text } == literals)
    }

    private static let variables = SourceVariables { name in
        ["HOME": "/home/me", "X": "x", "EMPTY": "", "ODD": "a {b,c} *[x]~$X", "DIR": "/d/e"][name].map {
            Array($0.utf8)
        }
    }

    /// Values are names, whatever is in them.
    @Test(arguments: [
        ("~", ["/home/me"]), ("~/f", ["/home/me/f"]), ("\\~/f", ["~/f"]), ("a~", ["a~"]), ("$HOME/f", ["/home/me/f"]),
        ("$X", ["x"]), ("a$X/b", ["ax/b"]), ("${X}y", ["xy"]), ("a${X}{1,2}", ["ax1", "ax2"]), ("\\$X", ["$X"]),
        ("$ODD/f", ["a {b,c} *[x]~$X/f"]), ("${NONE:-d}", ["d"]), ("${NONE-d}", ["d"]), ("a${EMPTY-d}", ["a"]),
        ("${EMPTY:-d}/f", ["d/f"]), ("${X:-d}", ["x"]), ("${NONE:-$X$DIR}", ["x/d/e"]), ("${NONE:-{a,b}}", ["a", "b"]),
        ("${NONE:-${EMPTY:-${X}}}", ["x"]), ("a${NONE:+b}", ["a"]), ("a${X:+b}", ["ab"]), ("${X:-$NONE}", ["x"]),
        ("${X:?no}", ["x"]), ("a${EMPTY}b", ["ab"]), ("a$", ["a$"]), ("$/a", ["$/a"]), ("$X$X", ["xx"]),
    ])
    func putsValuesIn(text: String, literals: [String]) throws {
        #expect(try PathPattern.all(text, variables: Self.variables).map { $0.literal.text } == literals)
    }

    @Test func valuesAreNoPatterns() throws {
        for (text, isLiteral) in [("$ODD/f", true), ("$X/*", false), ("${NONE:-*}", false), ("~/f", true)] {
            let patterns = try PathPattern.all(text, variables: Self.variables)
            #expect(patterns.map(\.isLiteral) == [isLiteral], "\(text)")
        }
    }

    @Test(arguments: [
        "$(id)", "`id`", "${x", String(repeating: "+(", count: 40), "$NONE/etc/hostname", "${NONE}/etc/hostname",
        "$EMPTY/etc/hostname", "${EMPTY}/etc", "${NONE:-}/etc", "${NONE:+x}/etc", "$EMPTY$EMPTY/etc", "a/$NONE",
        "~root/f",
        "$1", "$$/f", "$*", "$@", "$?", "${1}", "${}", "${X%x}", "${X:1}", "${X/a/b}", "${#X}", "${!X}", "${X:}",
        "${NONE:?no}",
        "${NONE:-$(id)}", "${NONE:-`id`}", "${NONE:-$NONE}",
        String(repeating: "${N:-", count: 40) + String(repeating: "}", count: 40),
    ])
    func refuses(text: String) {
        #expect(throws: PathPattern.Malformed.self) { try PathPattern.all(text, variables: Self.variables) }
    }

    @Test func tildeNeedsAHome() {
        for home in [nil, "", "relative"] as [String?] {
            let variables = SourceVariables { $0 == "HOME" ? home.map { Array($0.utf8) } : nil }
            #expect(throws: PathPattern.Malformed.self) { try PathPattern.all("~/f", variables: variables) }
        }
    }

    @Test func tellsBytesThatAreNoText() throws {
        let pattern = try NamePattern([0x66, 0xFF, 0x2A][...])
        #expect(pattern.matches([0x66, 0xFF, 0x6F]))
        #expect(!pattern.matches([0x66, 0xFE, 0x6F]))
    }

    /// Each of these took more than a lifetime when groups were tried one after another.
    @Test(arguments: [
        "+(+(a|aa))b", "*(*(*(*(a))))b", "+(a|b|ab|ba)+(a|b|ab|ba)+(a|b|ab|ba)c", "!(*(a|aa)b)!(*(a|aa)b)b",
        "!(!(!(!(!(a*)))))b", "*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "+(+(a|!(b))|*(?(a)+(b)))c",
        "@(+(a)+(a)+(a)+(a)|*(a)*(a)*(a)*(a))b",
    ])
    func longNamesEnd(pattern: String) throws {
        let name = [UInt8](repeating: 0x61, count: 255)[...]
        let matcher = PatternMatcher(try NamePattern(Array(pattern.utf8)[...]).pattern, name)
        _ = matcher.ends()
        // Each element of a pattern from each position, for each of the positions from which its group was asked.
        #expect(matcher.steps < pattern.utf8.count * 256 * 256, "\(pattern): \(matcher.steps)")
    }

    @Test func openGroupsAreReadOnce() throws {
        let text = String(repeating: "+(a", count: 16) + String(repeating: "b", count: 4000)
        #expect(try NamePattern(Array(text.utf8)[...]).literal == Array(text.utf8))
    }

    /// The meaning of patterns as it is defined, by trying everything; and as bash has it.
    @Test func meansWhatIsDefined() throws {
        var generator = SeededRandom(4)
        var cases: [(pattern: String, name: String)] = []
        for _ in 0..<4000 {
            let pattern = RandomPattern.text(&generator, depth: 2)
            let name = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                Bool.random(using: &generator) ? "a" : "b"
            }
            cases.append((pattern, name.joined()))
        }
        let found = try cases.map { try NamePattern(Array($0.pattern.utf8)[...]).matches(Array($0.name.utf8)) }
        for (place, answer) in zip(cases, found) {
            let elements = try NamePattern(Array(place.pattern.utf8)[...]).pattern.elements
            let defined = Definition.matches(
                elements[...], PatternCharacter.numbers(of: Array(place.name.utf8)[...])[...]
            ) {
                $0.isEmpty
            }
            #expect(answer == defined, "\(place)")
        }
        #expect(Set(found).count == 2)
        guard isAccessible("/bin/bash", X_OK) else { return }
        // Where a group follows a star, bash 5.2 has b match ?*!(*), which nothing can.
        let plain = zip(cases, found).filter { !$0.0.pattern.contains(/\*[?*+@!]\(/) }
        #expect(plain.count > 2000)
        for ((place, answer), bash) in zip(plain, try Self.bash(plain.map(\.0))) {
            #expect(answer == bash, "\(place)")
        }
    }

    private static func bash(_ cases: [(pattern: String, name: String)]) throws -> [Bool] {
        let scratch = try Scratch()
        let text = cases.map { "\($0.pattern) \($0.name)\n" }.joined()
        let script =
            "LC_ALL=C; shopt -s extglob; while IFS=' ' read -r pattern name; do "
            + "if [[ $name == $pattern ]]; then printf y; else printf n; fi; done <\"$0\""
        let output = try succeed(["/bin/bash", "-c", script, try scratch.file("in", text: text)])
        let answers = output.utf8.map { $0 == UInt8(ascii: "y") }
        #expect(answers.count == cases.count)
        return answers
    }
}

/// Patterns of a and b, with groups inside each other.
private enum RandomPattern {
    static func text(_ generator: inout SeededRandom, depth: Int) -> String {
        (0..<Int.random(in: 1...3, using: &generator)).map { _ in part(&generator, depth) }.joined()
    }

    private static func part(_ generator: inout SeededRandom, _ depth: Int) -> String {
        let kind = Int.random(in: 0..<(depth > 0 ? 12 : 6), using: &generator)
        guard kind >= 6 else { return ["a", "b", "?", "*", "[!a]", "[ab]"][kind] }
        let choices = (0..<Int.random(in: 1...3, using: &generator)).map { _ in text(&generator, depth: depth - 1) }
        let repeats = ["?", "*", "+", "@", "!", "!"][kind - 6]
        return repeats + "(" + choices.joined(separator: "|") + ")"
    }
}

/// Tries every way in which a pattern can match.
private enum Definition {
    typealias Text = ArraySlice<UInt32>

    /// Whether `text` begins with something that matches and `then` takes the rest.
    static func matches(_ elements: ArraySlice<Pattern.Element>, _ text: Text, _ then: (Text) -> Bool) -> Bool {
        guard let first = elements.first else { return then(text) }
        func rest(_ left: Text) -> Bool { matches(elements.dropFirst(), left, then) }
        switch first {
        case .one(let wanted): return text.first == wanted && rest(text.dropFirst())
        case .any: return !text.isEmpty && rest(text.dropFirst())
        case .set(let ranges, let isNegated):
            guard let character = text.first else { return false }
            return ranges.contains { $0.contains(character) } != isNegated && rest(text.dropFirst())
        case .many: return (text.startIndex...text.endIndex).contains { rest(text[$0...]) }
        case .group(let group): return matches(group.repeats, group.choices, text, rest)
        case .anything, .directories: return false
        }
    }

    private static func matches(
        _ repeats: Pattern.Group.Repeats, _ choices: [[Pattern.Element]], _ text: Text, _ rest: (Text) -> Bool
    ) -> Bool {
        func once(_ then: (Text) -> Bool) -> Bool { choices.contains { matches($0[...], text, then) } }
        func again(_ left: Text) -> Bool {
            left.startIndex > text.startIndex && matches(.many, choices, left, rest)
        }
        switch repeats {
        case .once: return once(rest)
        case .optional: return rest(text) || once(rest)
        case .many: return rest(text) || once(again)
        case .some: return once { rest($0) || again($0) }
        case .not:
            return (text.startIndex...text.endIndex).contains { end in
                !choices.contains { matches($0[...], text[..<end]) { $0.isEmpty } } && rest(text[end...])
            }
        }
    }
}
