import CLinux
import Linux
import TestSupport
import Testing

@testable import Packing

@Suite struct TreeSizeTests {
    @Test func countsContentOnce() throws {
        let scratch = try Scratch()
        let root = scratch.path
        try scratch.directory("a/b")
        try scratch.file("a/one", [UInt8](repeating: 1, count: 5000))
        try makeHardLink(root + "/a/one", at: root + "/a/b/two")
        try makeSymlink("one", at: root + "/a/link")
        let sparse = try open(root + "/a/sparse", O_RDWR | O_CREAT, mode: 0o644)
        try Linux.ftruncate(sparse.raw, 1 << 20)
        let tree = try open(root, O_RDONLY | O_DIRECTORY)
        let size = TreeSize(of: tree.raw)
        #expect(size.files == 3 && size.content == 5000 + 1 << 20)
        #expect(size.allocated >= 5000 && size.allocated < 1 << 19)
    }
}
