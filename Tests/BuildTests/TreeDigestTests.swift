import CLinux
import Linux
import TestSupport
import Testing

@testable import Build

/// What a cached step depends on: whatever matters changes the digest, and nothing else does.
@Suite struct TreeDigestTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        try scratch.directory("tree/a/b")
        try scratch.file("tree/a/file", text: "content")
        try makeSymlink("file", at: scratch.path + "/tree/a/link")
    }

    private func digest() throws -> String {
        let tree = try open(scratch.path + "/tree", O_RDONLY | O_DIRECTORY)
        return try TreeDigest.everything(below: tree.raw)
    }

    private func state() throws -> String {
        let tree = try open(scratch.path + "/tree", O_RDONLY | O_DIRECTORY)
        return try TreeDigest.state(below: tree.raw)
    }

    @Test(arguments: [
        "printf other >a/file", "printf x >>a/file", "chmod 600 a/file", "chmod 700 a/b", "mv a/file a/elif",
        "ln -sf file2 a/link", "rm a/link", "mkdir a/c", ": >a/b/new", "rm a/file; mkfifo a/file",
        "rmdir a/b; : >a/b", "setfattr -n user.x -v y a/file 2>/dev/null || printf z >>a/file",
        "chmod 711 .", "setfattr -n user.x -v y . 2>/dev/null || chmod 700 .",
    ]) func everyChangeCounts(script: String) throws {
        let before = (try digest(), try state())
        try shell("cd \"$0\"; " + script, [scratch.path + "/tree"])
        #expect(try digest() != before.0)
        #expect(try state() != before.1)
    }

    @Test func timesDoNotCount() throws {
        let before = (try digest(), try state())
        try shell("cd \"$0\"; touch -h -d @1000000000 a a/file a/link", [scratch.path + "/tree"])
        #expect(try digest() == before.0)
        // Without reading, a change of the time is the only sign of another content.
        #expect(try state() != before.1)
    }

    /// Deeper than a usual limit of descriptors.
    @Test func deepTreesCountToTheirEnd() throws {
        let script =
            "cd \"$0\"; i=0; while [ $i -lt 600 ]; do mkdir -p d; cd -P d; i=$((i + 1)); done; echo \"$1\" >end"
        try shell(script, [scratch.path + "/tree", "one"])
        defer { try? removeTree(scratch.path + "/tree/d") }
        let before = (try digest(), try state())
        try shell(script, [scratch.path + "/tree", "other"])
        #expect(try digest() != before.0)
        #expect(try state() != before.1)
    }

    @Test func copiesAreEqual() throws {
        let before = try digest()
        try shell("cd \"$0\"; cp -a tree new; rm -r tree; mv new tree", [scratch.path])
        #expect(try digest() == before)
    }

    /// Names and contents cannot be moved into one another.
    @Test func piecesDoNotRunTogether() throws {
        try shell("cd \"$0\"; printf bc >ab; rm -r a", [scratch.path + "/tree"])
        let one = try digest()
        try shell("cd \"$0\"; rm ab; printf c >abb", [scratch.path + "/tree"])
        #expect(try digest() != one)
    }
}
