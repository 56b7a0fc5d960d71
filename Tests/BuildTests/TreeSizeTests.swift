import CLinux
import Foundation
import Linux
import Testing

@testable import Build

@Suite struct TreeSizeTests {
    @Test func countsContentOnce() throws {
        let root = NSTemporaryDirectory() + "tree-size-\(UUID().uuidString)"
        try makeDirectories(root + "/a/b")
        defer { try? removeTree(root) }
        try writeFile(root + "/a/one", [UInt8](repeating: 1, count: 5000), mode: 0o644)
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
