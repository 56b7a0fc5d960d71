import Testing

@testable import Build

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
        ("a$X/b", ["a/b"]), ("a${X:-y}b", ["ab"]), ("$", ["$"]), ("a\\ b", ["a b"]), ("{a,", ["{a,"]),
    ])
    func expandsBraces(text: String, literals: [String]) throws {
        #expect(try PathPattern.all(text).map { $0.literal.text } == literals)
    }

    @Test(arguments: ["$(id)", "`id`", "${x", String(repeating: "+(", count: 40)])
    func refuses(text: String) {
        #expect(throws: PathPattern.Malformed.self) { try PathPattern.all(text) }
    }

    @Test func tellsBytesThatAreNoText() throws {
        let pattern = try NamePattern([0x66, 0xFF, 0x2A][...])
        #expect(pattern.matches([0x66, 0xFF, 0x6F]))
        #expect(!pattern.matches([0x66, 0xFE, 0x6F]))
    }
}
