import Testing

@testable import Linux

@Suite struct BytePathTests {
    @Test(arguments: [
        ("/a/b", "/a", "b"), ("/a", "/", "a"), ("/a/b/", "/a", "b"), ("/a//b", "/a", "b"), ("//a", "/", "a"),
        ("a/b", "a", "b"), ("a/b//", "a", "b"),
    ])
    func parentAndLastName(path: String, parent: String, name: String) {
        #expect(TreePath(path).parent == TreePath(parent))
        #expect(TreePath(path).lastName == Array(name.utf8))
    }

    @Test(arguments: ["", "/", "//", "a", "a/"]) func hasNoParent(path: String) {
        #expect(TreePath(path).parent == nil)
    }

    @Test(arguments: [
        ("/a//b/./c/../d/", "/a/b/d"), ("/..", "/"), ("/../../a", "/a"), ("/a/..", "/"), ("a/../..", ".."),
        ("../a/../../b", "../../b"), ("", "."), (".", "."), ("./a/", "a"), ("/", "/"), ("/...", "/..."),
        ("/a/..b", "/a/..b"),
    ])
    func cleans(path: String, clean: String) {
        #expect(HostPath(path).cleaned == HostPath(clean))
        #expect(HostPath(clean).cleaned == HostPath(clean))
    }

    @Test func liesInComparesWholeComponents() {
        #expect(HostPath("/dev/shm").lies(in: "/dev"))
        #expect(HostPath("/dev").lies(in: "/dev/"))
        #expect(!HostPath("/devil").lies(in: "/dev"))
        #expect(HostPath("/devil").lies(in: "/"))
        #expect(!HostPath("dev").lies(in: "/"))
    }

    @Test func appendsOneSlash() {
        #expect(TreePath("/a").appending("b") == "/a/b")
        #expect(TreePath("/").appending("/b") == "/b")
        #expect(TreePath("a/").appending("b") == "a/b")
        #expect(TreePath("").appending("/b") == "/b")
    }

    @Test func keepsBytesThatAreNoText() {
        let path = TreePath([0x2F, 0x78, 0xFF, 0x79])
        #expect(path.appending([0xFE]).bytes == [0x2F, 0x78, 0xFF, 0x79, 0x2F, 0xFE])
        #expect(path.description == "/x\\xffy")
    }

    @Test(arguments: [
        ("/usr/bin", "/usr/bin"), ("/ü", "/ü"), ("/a\u{1B}[2J", "/a\\x1b[2J"), ("/a\nb", "/a\\x0ab"),
        ("/ü\u{7F}", "/ü\\x7f"), ("/\u{9B}2J", "/\\xc2\\x9b2J"),
    ])
    func messagesHoldNoControlCharacters(path: String, shown: String) { #expect(TreePath(path).description == shown) }

    @Test(arguments: ["", ".", "..", "a/b", "/", "a\0b"]) func entryNameRefuses(name: String) {
        #expect(throws: Errno.invalidArgument) { try EntryName(name) }
    }

    @Test(arguments: ["a", "...", "..a", " ", "-"]) func entryNameTakes(name: String) throws {
        #expect(try EntryName(name).bytes == Array(name.utf8))
    }

    @Test func relativePathsStartInTheGivenDirectory() {
        #expect(HostPath("a/b").absolute(in: "/c") == "/c/a/b")
        #expect(HostPath("/a").absolute(in: "/c") == "/a")
    }
}
