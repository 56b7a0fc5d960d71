import Base
import Testing

@testable import Packing

@Suite struct LabelTests {
    private func labels(_ json: String?, replaces: Bool = false) throws -> Labels {
        try Labels(json: json.map { Array($0.utf8) }, replaces: replaces)
    }

    @Test func labelsOfTheBaseStay() throws {
        #expect(try labels(nil).values.isEmpty && labels("").values.isEmpty)
        var base = try labels(#"{"who":"base","one":"1"}"#)
        base.add("who", "definition")
        base.add("two", "2")
        #expect(base.values == ["who": "base", "one": "1", "two": "2"])
    }

    @Test func forceReplacesThem() throws {
        var base = try labels(#"{"who":"base"}"#, replaces: true)
        base.add("who", "definition")
        #expect(base.values == ["who": "definition"])
    }

    @Test func labelsOfTheBuildReplaceOthers() throws {
        var base = try labels(#"{"who":"base"}"#)
        base.set("who", "build")
        #expect(base.values == ["who": "build"])
    }

    @Test func postWritesLines() throws {
        var base = try labels(#"{"a":"old"}"#)
        base.take(lines: Array("a new value \nb\n\n  c  d\n".utf8))
        #expect(base.values["a"] == "new value " && base.values["b"] == "")
        #expect(base.values["c"] != nil && base.values.count == 3)
    }

    @Test(arguments: ["[]", "{", #"{"a":1}"#, "null"]) func damagedLabelsEndTheBuild(json: String) {
        #expect(throws: SkiffError.self) { try labels(json) }
    }
}
