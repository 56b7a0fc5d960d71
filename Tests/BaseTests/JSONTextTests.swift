import Base
import Linux
import Testing

struct JSONTextTests {
    @Test func oneLine() {
        let value = JSONText.members([
            "b": .integer(-1), "gone": nil, "a": .array([.bool(true), .null]), "e": .object([]),
        ])
        #expect(value.text() == #"{"b":-1,"a":[true,null],"e":{}}"#)
    }

    @Test func indentedAsApptainerDoes() {
        let value = JSONText.members(["data": .members(["x": .strings(["1", "2"]), "none": .array([])])])
        #expect(
            value.text(indent: "\t")
                == "{\n\t\"data\": {\n\t\t\"x\": [\n\t\t\t\"1\",\n\t\t\t\"2\"\n\t\t],\n\t\t\"none\": []\n\t}\n}")
    }

    @Test func showsBytesThatAreNoText() throws {
        #expect(JSONText.string(String(bytes: [0x78, 0xFF, 0x79])).text() == #""x\\xffy""#)
        let text = "\"\u{10FFFF}\""
        #expect(try JSONReader.read(Array(text.utf8)).text() == text)
    }

    @Test func escapesLikeGo() {
        #expect(JSONText.string("a\"\\\n\t\u{1}<&>é\u{2028}").text() == #""a\"\\\n\t\u0001\u003c\u0026\u003eé\u2028""#)
    }
}
