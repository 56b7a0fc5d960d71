import Testing

@testable import Grammar

@Suite struct ValueSyntaxTests {
    @Test(arguments: [
        ("0", 0), ("-5", -5), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("017", 15), ("0b101", 5), ("0x_ff", 255),
        ("0_7", 7), ("1_000", 1000),
        ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min),
    ]) func integers(_ text: String, _ value: Int) throws {
        #expect(try parseInteger(text) == value)
    }

    @Test(arguments: ["", "-", "x", "1__0", "_1", "1_", "08", "0x", "1 ", "0_", "0__7", "--1", "1.5"])
    func notIntegers(_ text: String) {
        #expect(throws: ValueProblem("strconv.ParseInt: parsing \"\(text)\": invalid syntax")) {
            try parseInteger(text)
        }
    }

    @Test func rangesAreKept() {
        let range = "value out of range"
        #expect(throws: ValueProblem("strconv.ParseInt: parsing \"9223372036854775808\": \(range)")) {
            try parseInteger("9223372036854775808")
        }
        #expect(throws: ValueProblem("strconv.ParseUint: parsing \"4294967296\": \(range)")) {
            try parseInteger("4294967296", bits: 32, isSigned: false)
        }
        #expect(throws: ValueProblem("strconv.ParseUint: parsing \"-1\": invalid syntax")) {
            try parseInteger("-1", bits: 32, isSigned: false)
        }
        #expect(throws: ValueProblem("strconv.ParseInt: parsing \"2147483648\": \(range)")) {
            try parseInteger("2147483648", bits: 32)
        }
        #expect((try? parseInteger("-2147483648", bits: 32)) == -2_147_483_648)
        #expect(throws: Never.self) { try parseInteger("4294967295", bits: 32, isSigned: false) }
    }

    @Test(arguments: [
        ("", []), ("a", ["a"]), ("a,b", ["a", "b"]), (",", ["", ""]), ("\"a,b\",c", ["a,b", "c"]),
        ("\"a\"\"b\"", ["a\"b"]), ("\"\"", [""]), ("a\n\n", ["a"]), ("\"a\nb\",c", ["a\nb", "c"]),
        ("\n\na,b", ["a", "b"]),
        ("a,b\r\n", ["a", "b"]), (" a, b", [" a", " b"]),
    ]) func records(_ text: String, _ fields: [String]) throws {
        #expect(try parseCSV(text) == fields)
    }

    @Test(arguments: [
        ("a,b,\"c", "parse error on line 1, column 7: extraneous or missing \" in quoted-field"),
        ("a\"b", "parse error on line 1, column 2: bare \" in non-quoted-field"),
        ("\"a\"b", "parse error on line 1, column 3: extraneous or missing \" in quoted-field"),
        ("\n", "EOF"),
        ("a\nb", "record on line 1; parse error on line 2, column 1: a line break that is not in double quotes"),
        (
            "\"a\nb\"\n\nc",
            "record on line 1; parse error on line 4, column 1: a line break that is not in double quotes"
        ),
    ]) func brokenRecords(_ text: String, _ reason: String) {
        #expect(throws: ValueProblem(reason)) { try parseCSV(text) }
    }

    @Test func quotingShowsOddCharacters() {
        #expect(quoted("a\"\\\n\u{1}é") == "\"a\\\"\\\\\\n\\x01é\"")
        #expect(quoted(short: 0x27) == "'\\''")
        #expect(quoted(short: 0xC3) == "'Ã'")
    }

    @Test func slipsAreNear() {
        #expect(isSimilar("exe", "exec") && isSimilar("shel", "shell") && isSimilar("rnu", "run"))
        #expect(!isSimilar("nosuchcommand", "run"))
    }
}
