import Base
import Testing

@Suite struct JSONReaderTests {
    @Test("values keep their order") func values() throws {
        let text = "{\"b\":[1,-2,true,false,null,\"x\"],\"a\":{},\"c\":[]}"
        #expect(try JSONReader.read(Array(" \n\(text)\t".utf8)).text() == text)
    }

    @Test("escapes") func escapes() throws {
        let text = #""\u00e9\ud83d\ude00\n\/\ud800x\udc00\ud800\u0041""#
        #expect(try JSONReader.read(Array(text.utf8)) == .string("é😀\n/\u{FFFD}x\u{FFFD}\u{FFFD}A"))
        #expect(try JSONReader.read([0x22, 0xFF, 0x22]) == .string("\u{FFFD}"))
    }

    @Test(
        "what is no JSON",
        arguments: [
            "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "-", "1e5", "1.0", "nul", "\"", "\"\\x\"",
            "\"\\u12g4\"",
            "\"a\nb\"", "1 2", "99999999999999999999", "[1 2]", "+1", "\"\\u+123\"", "--1",
        ])
    func refused(text: String) {
        #expect(throws: JSONReader.Malformed.self) { try JSONReader.read(Array(text.utf8)) }
    }

    @Test("nesting has an end") func nesting() {
        let deep = [UInt8](repeating: 0x5B, count: 1_000_000)
        #expect(throws: JSONReader.Malformed(offset: 64, expected: "less nesting")) { try JSONReader.read(deep) }
    }
}
