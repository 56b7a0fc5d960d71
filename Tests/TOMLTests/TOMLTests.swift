import TOML
import Testing

/// Documents and their values; https://toml.io/en/v1.0.0.
@Suite struct TOMLTests {
    private func read(_ text: String) throws -> TOMLTable { try TOMLReader.read(Array(text.utf8)) }

    private func value(_ text: String) throws -> TOMLValue { try #require(try read("a = " + text + "\n")["a"]) }

    @Test(arguments: [
        ("\"b\\t\\u00e9\"", TOMLValue.text("b\té")), ("'C:\\x'", .text("C:\\x")), ("\"\"", .text("")),
        ("\"\"\"\nx \\\n   y\"\"\"", .text("x y")), ("'''a'b'''", .text("a'b")), ("\"\"\"\"q\"\"\"\"", .text("\"q\"")),
        ("1_000", .integer(1000)), ("-7", .integer(-7)), ("+0", .integer(0)), ("0xFf", .integer(255)),
        ("0b101", .integer(5)), ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("1.5", .float(1.5)), ("-2e3", .float(-2000)), ("6.6e-1_0", .float(6.6e-10)), ("-inf", .float(-.infinity)),
        ("true", .flag(true)), ("1979-05-27T07:32:00Z", .moment("1979-05-27T07:32:00Z")),
        ("1979-05-27 07:32:00.5-07:00", .moment("1979-05-27 07:32:00.5-07:00")), ("07:32:00", .moment("07:32:00")),
        ("[ 1, 'b', [ ], # c\n ]", .list([.integer(1), .text("b"), .list([])])),
    ])
    func values(_ text: String, _ expected: TOMLValue) throws { #expect(try value(text) == expected) }

    @Test func tables() throws {
        let document = try read(
            """
            \u{FEFF}title = 'x' # comment
            a.b.c = 1
            [cpu]\r
            cpus = "0" \r
            [memory . "limit x"]
            y = { z = [1], u.v = 2 }
            [[devices]]
            type = "c"
            [devices.sub]
            k = 1
            [[devices]]
            type = "b"
            """)
        #expect(document.entries.map(\.key) == ["title", "a", "cpu", "memory", "devices"])
        guard case .list(let devices)? = document["devices"], case .table(let first)? = devices.first,
            case .table(let second)? = devices.last
        else { return #expect(Bool(false), "devices are no tables") }
        #expect(first.entries.map(\.key) == ["type", "sub"] && second["type"] == .text("b"))
        #expect(document.entries.map(\.line) == [1, 2, 3, 5, 7] && document.entries[4].lines == [7, 11])
        guard case .table(let memory)? = document["memory"], case .table(let limit)? = memory["limit x"],
            case .table(let inline)? = limit["y"]
        else { return #expect(Bool(false), "no tables") }
        #expect(inline["z"] == .list([.integer(1)]) && limit.entries[0].line == 6)
    }

    @Test(arguments: [
        ("a = ", 1, 5, "a value is missing"), ("a", 1, 2, "'=' is missing"), ("[a", 1, 3, "']' is missing"),
        ("a = 1\na = 2\n", 2, 1, "'a' is there already"), ("[a]\n[a]\n", 2, 4, "'a' is there already"),
        ("a = 1 b = 2", 1, 7, "something follows the value"), ("a = 01", 1, 5, "'01' is no value"),
        ("a = 1__0", 1, 5, "'1__0' is no value"), ("a = 'x", 1, 7, "the end of a string is missing"),
        ("\n a = \"\\q\"", 2, 9, "an unknown escape"), ("a = \"\\uD800\"", 1, 12, "an escape that is no character"),
        ("a = 9223372036854775808", 1, 5, "'9223372036854775808' is no value"), ("= 1", 1, 1, "a key is missing"),
        ("a = {b = 1}\n[a.c]\n", 2, 6, "'a' is no table that can be added to"),
        ("a = [1\n", 2, 1, "',' or ']' is missing"), ("a = \"x\u{1}\"", 1, 7, "a control character"),
        ("a = [1]\n[[a]]\n", 2, 6, "'a' is there already"), ("[a.b]\n[a]\nb.c = 1", 3, 1, "'b' is no table"),
    ])
    func refusals(_ text: String, _ line: Int, _ column: Int, _ reason: String) {
        do throws(TOMLError) {
            _ = try TOMLReader.read(Array(text.utf8))
            Issue.record("\(text) was taken")
        } catch {
            #expect(error.line == line && error.column == column && error.reason.hasPrefix(reason), "\(error)")
        }
    }

    @Test func bytesThatAreNoText() { #expect(throws: TOMLError.self) { try TOMLReader.read([0x61, 0x3D, 0xFF]) } }

    /// Neither a stack nor a minute is used up.
    @Test func depth() {
        for text in ["a = " + String(repeating: "[", count: 30_000), "a = " + String(repeating: "{a=", count: 20_000)] {
            #expect(throws: TOMLError.self) { try TOMLReader.read(Array(text.utf8)) }
        }
        let key = String(repeating: "a.", count: 30_000) + "a = 1"
        #expect(throws: TOMLError.self) { try TOMLReader.read(Array(key.utf8)) }
    }
}
