import Base
import Core
import Linux
import Packing
import TestSupport
import Testing

@Suite("inspect of odd images") struct DamageTests {
    private let scratch: Scratch
    private var tree: String { scratch.path + "/tree" }

    init() throws {
        scratch = try Scratch()
        try makeDirectories(scratch.path + "/tree/.singularity.d/env")
    }

    @Test("no such image") func absent() throws {
        let result = try runImageTool(["inspect", "/nonexistent.sif"])
        #expect(result.status == 255)
        #expect(
            result.errors == """
                FATAL:   Failed to open image /nonexistent.sif: failed to retrieve path for /nonexistent.sif: lstat \
                /nonexistent.sif: no such file or directory

                """)
    }

    @Test("a tree without anything") func empty() throws {
        #expect(try runImageTool(["inspect", tree]).output == "")
        #expect(
            try runImageTool(["inspect", "--all", tree]).output
                == "{\n\t\"data\": {\n\t\t\"attributes\": {}\n\t},\n\t\"type\": \"container\"\n}\n")
        #expect(try runImageTool(["run-help", tree]).output == "No help sections were defined for this image\n")
    }

    @Test("links lead nowhere outside") func links() throws {
        try writeFile(scratch.path + "/secret", Array("secret\n".utf8), mode: 0o644)
        try makeSymlink("../../secret", at: tree + "/.singularity.d/runscript")
        try makeSymlink(scratch.path + "/secret", at: tree + "/.singularity.d/test")
        try makeDirectories(tree + "/real")
        try writeFile(tree + "/real/help", Array("inside\n\n".utf8), mode: 0o644)
        try makeSymlink("/real/help", at: tree + "/.singularity.d/runscript.help")
        try makeSymlink("/", at: tree + "/.singularity.d/startscript")
        #expect(try runImageTool(["inspect", "-r", "-t", "-H", "-s", tree]).output == "inside\n")
    }

    @Test("a pipe instead of a script does not stop it") func pipe() throws {
        try makeNode(tree + "/.singularity.d/runscript", mode: 0o010644)
        #expect(try runImageTool(["inspect", "-r", tree]).output == "")
    }

    @Test("damaged labels are named") func labels() throws {
        try writeFile(tree + "/.singularity.d/labels.json", Array("{\"a\": 1.5}".utf8), mode: 0o644)
        var result = try runImageTool(["inspect", tree])
        #expect(result.status == 255)
        #expect(
            result.errors == """
                FATAL:   cannot read the labels /.singularity.d/labels.json of the image: not valid JSON at byte 6: \
                expected a whole number

                """)
        try writeFile(tree + "/.singularity.d/labels.json", Array("{\"a\": [1]}".utf8), mode: 0o644)
        result = try runImageTool(["inspect", tree])
        #expect(result.errors.hasSuffix("of the image: they have a member that is no string\n"))
    }

    @Test("a damaged record is an error") func record() throws {
        for text in [
            "", "{", "{}", "{\"data\":{\"attributes\":{\"apps\":{\"a\":1}}}",
            "{\"data\":{\"attributes\":{\"labels\":3}}}",
        ] {
            #expect(throws: SkiffError.self, "\(text)") { try InspectMetadata(parsing: Array(text.utf8)) }
        }
    }
}

@Suite("JSON reader") struct JSONReaderTests {
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
