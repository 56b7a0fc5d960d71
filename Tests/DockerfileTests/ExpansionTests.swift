import Testing

@testable import Dockerfile

@Suite struct ExpansionTests {
    private let variables = [
        "a": "A", "empty": "", "two": "x y", "path": "/usr/local/lib.tar.gz", "s": "a*b?c", "_u1": "U", "foo_bar": "F",
    ]

    private func expand(_ text: String, escape: String = "\\") throws -> String {
        try Expansion(escape: escape.utf8.first ?? 0, variables: variables).word(text)
    }

    @Test(arguments: [
        ("x", "x"), ("", ""), ("$a", "A"), ("${a}", "A"), ("x${a}y", "xAy"), ("$ab", ""), ("$a.b", "A.b"),
        ("$_u1-$foo_bar", "U-F"), ("$", "$"), ("a$", "a$"), ("$.", "$."), ("$1x", "x"), ("$@x", "x"), ("$$a", "a"),
        ("\\$a", "$a"), ("\\a", "a"), ("\\\\", "\\"), ("a\\", "a"), ("\\\\$a", "\\A"), ("\\${a}", "${a}"),
        ("'$a'", "$a"), ("'\\'", "\\"), ("\"$a\"", "A"), ("\"\\$a\"", "$a"), ("\"\\\"\"", "\""), ("\"\\x\"", "\\x"),
        ("\"\\\\\"", "\\"), ("\"'$a'\"", "'A'"), ("'\"'$a'\"'", "\"A\""), ("a' 'b\" \"c", "a b c"), ("''", ""),
        ("$two", "x y"), ("\"$two\"", "x y"), ("é$a", "éA"),
        ("${a:-b}", "A"), ("${x:-b}", "b"), ("${empty:-b}", "b"), ("${empty-b}", ""), ("${x-b}", "b"), ("${x:-}", ""),
        ("${a:+b}", "b"), ("${x:+b}", ""), ("${empty:+b}", ""), ("${empty+b}", "b"), ("${x+b}", ""),
        ("${a:?b}", "A"), ("${empty?b}", ""),
        ("${x:-${y:-$a}}", "A"), ("${x:-'a}b'}", "a}b"), ("${x:-\"$a\"}", "A"), ("${x:-\\}}", "}"),
        ("${x:-a:b}", "a:b"),
        ("${x:-$}", "$"),
        ("${path#*/}", "usr/local/lib.tar.gz"), ("${path##*/}", "lib.tar.gz"), ("${path%.*}", "/usr/local/lib.tar"),
        ("${path%%.*}", "/usr/local/lib"), ("${path#x}", "/usr/local/lib.tar.gz"),
        ("${path%}", "/usr/local/lib.tar.gz"),
        ("${s#a\\*}", "b?c"), ("${s%\\?c}", "a*b"), ("${s#a?}", "b?c"), ("${x#a}", ""),
        ("${path/local/share}", "/usr/share/lib.tar.gz"), ("${path//\\//.}", ".usr.local.lib.tar.gz"),
        ("${path/\\/*\\//x}", "xlib.tar.gz"), ("${path//l/}", "/usr/oca/ib.tar.gz"),
        ("${path/nope/x}", "/usr/local/lib.tar.gz"),
        ("${path//?/.}", "....................."), ("${empty//a/b}", ""), ("${path//$a/b}", "/usr/local/lib.tar.gz"),
    ])
    func expands(text: String, expected: String) throws { #expect(try expand(text) == expected) }

    @Test(arguments: [("`$a", "$a"), ("\\$a", "\\A"), ("\"`\"\"", "\""), ("``", "`"), ("\"\\\"", "\\")])
    func takesABacktickAsEscape(text: String, expected: String) throws {
        #expect(try expand(text, escape: "`") == expected)
    }

    @Test(arguments: [
        ("'a", "closing '"), ("\"a", "closing \""), ("${a", "closing }"), ("${", "bad substitution"),
        ("${}", "bad substitution"), ("${:-a}", "bad substitution"), ("${{a}}", "bad substitution"),
        ("${a:b}", "unsupported modifier"), ("${a^}", "unsupported modifier"), ("${a:-", "closing }"),
        ("${a/b}", "closing }"), ("${a/b/c", "closing }"), ("${a#\\x}", "invalid pattern"), ("${a:", "closing }"),
        ("${x:?}", "x: is not set"), ("${empty:?because}", "empty: because"), ("${x?because of $a}", "x: because of A"),
    ])
    func refuses(text: String, part: String) {
        do throws(DockerfileProblem) {
            let value = try Expansion(escape: 0x5C, variables: variables).word(text)
            Issue.record("\(text) became \(value)")
        } catch {
            #expect("\(error.message) \(error.expected ?? "")".contains(part))
        }
    }

    @Test func endsAtDeepNesting() {
        let text = String(repeating: "${x:-", count: 10_000)
        #expect(throws: DockerfileProblem.self) { try expand(text) }
    }

    @Test func refusesPatternsThatWouldTakeHours() {
        let long = Expansion(escape: 0x5C, variables: ["x": String(repeating: "a", count: 300_000)])
        #expect(throws: DockerfileProblem.self) { try long.word("${x//*a*b/c}") }
    }

    @Test(arguments: [
        ("80 $two", ["80", "x", "y"]), ("\"$two\" z", ["x y", "z"]), ("a\\ b c", ["a b", "c"]), ("  ", []),
        ("'a b'", ["a b"]),
        ("$empty", []), (" a  b ", ["a", "b"]),
    ])
    func splitsWords(text: String, expected: [String]) throws {
        #expect(try Expansion(escape: 0x5C, variables: variables).words(text) == expected)
    }

    @Test func leavesQuotesOfHeredocsAlone() throws {
        let inBody = Expansion(escape: 0x5C, variables: variables, ignoresQuotes: true)
        #expect(try inBody.word("don't \"$a\" \\$a ${x:-'b'}") == "don't \"A\" $a 'b'")
    }

    @Test func keepsVariablesThatAreNotSet() throws {
        let kept = Expansion(escape: 0x5C, variables: variables, keepsUnset: true)
        #expect(try kept.word("$a $x ${x}") == "A $x ${x}")
    }
}
