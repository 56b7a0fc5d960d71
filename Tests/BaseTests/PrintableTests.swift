import Base
import Linux
import Testing

struct PrintableTests {
    @Test(arguments: [
        ("plain text", "plain text"), ("Grüße 世界\t👩‍🔧", "Grüße 世界\t👩‍🔧"),
        ("a\nFATAL:   forged", "a\\nFATAL:   forged"), ("a\rb", "a\\rb"), ("\u{1B}[2J", "\\x1b[2J"),
        ("\u{9B}2J", "\\x9b2J"), ("\u{85}next", "\\x85next"), ("\u{7F}", "\\x7f"), ("\0", "\\x00"),
        ("a\u{202E}fdp.exe", "a\\u202efdp.exe"), ("\u{2066}x\u{2069}", "\\u2066x\\u2069"),
        ("a\u{2028}b\u{2029}c", "a\\u2028b\\u2029c"), ("\u{61C}", "\\u061c"), ("\u{200F}", "\\u200f"),
    ])
    func makesControlCharactersVisible(text: String, shown: String) {
        #expect(text.printable == shown)
        #expect(shown.printable == shown)
    }

    @Test func showsBytesThatAreNoText() {
        let bytes: [UInt8] = [0x78, 0xFF, 0xC3, 0xA9, 0xC3]
        #expect(String(bytes: bytes).printable == "x\\xffé\\xc3")
        #expect(SkiffError("cannot open \(String(bytes: bytes))").description == "cannot open x\\xffé\\xc3")
    }

    @Test func linesOfATextStay() {
        #expect("one\ntwo\u{1B}\r\n".printableLines == "one\ntwo\\x1b\\r\n")
    }

    @Test func aFieldHasNoTabs() {
        #expect("a\tb\n\u{1B}\u{9B}".printableField == "a\\x09b\\x0a\\x1b\\x9b")
    }

    @Test func anErrorHasTheLinesOfItsDetailsOnly() {
        let error = SkiffError(
            "cannot read a\nb", errno: .noSuchFile, hint: "Try \u{1B}c", details: ["file:1: x\ny", "expected z"])
        #expect(
            error.description
                == "cannot read a\\nb: no such file or directory\n         file:1: x\\ny\n         expected z. Try \\x1bc"
        )
    }
}
