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
