import CLinux
import TestSupport
import Testing

@testable import Linux

@Suite struct FileBlockTests {
    @Test func findsWordsInFiles() throws {
        let scratch = try Scratch()
        for (name, text) in [
            ("a.txt", "needle"), ("b.txt", "one\ntwo needle needle"), ("c.txt", ""), ("needle.txt", "nothing"),
            ("d.text", "needle"), (".e.txt", "needle"), ("long.txt", String(repeating: "x", count: 60) + "needle"),
        ] {
            try scratch.file(name, text: text)
        }
        try makeDirectory(scratch.path + "/f.txt")
        #expect(mkfifo(scratch.path + "/g.txt", 0o644) == 0)
        func names(_ word: String, limit: Int = 100, _ accepts: (UInt8) -> Bool = { _ in true }) throws -> [String] {
            try FileBlock(scratch.path, suffix: ".txt", limit: limit)
                .names(with: Array(word.utf8)) { block, place in accepts(block[place.lowerBound - 1]) }.sorted()
        }
        #expect(try names("needle") == ["a.txt", "b.txt", "long.txt"])
        #expect(try names("needle", limit: 60) == ["a.txt", "b.txt"])
        #expect(try names("needle") { $0 == 0x20 } == ["b.txt"])
        #expect(try names("") == [] && names("nosuch") == [] && names("needlex") == [])
        // A word does not reach from one file into the next.
        #expect(try names("needle\nb.txt") == [])
        let empty = try Scratch()
        #expect(
            try FileBlock(empty.path, suffix: ".txt", limit: 9)
                .names(with: [0x61]) { _, _ in true } == [])
    }
}
