import CLinux
import Foundation
import Testing

@testable import Linux

@Suite struct RemoveTreeTests {
    @Test func followsNoLink() throws {
        let tree = try HostileTree()
        try chmod(tree.path + "/host", 0o500)
        try tree.link("a/out", to: tree.path + "/host")
        try tree.link("gone", to: tree.path + "/host")
        try removeTree(tree.top + "/a")
        try removeTree(tree.top + "/gone")
        #expect(try status(HostPath(tree.path + "/host")).permissions == 0o500)
        #expect(try tree.text("host/secret") == "secret")
        #expect((try? status(HostPath(tree.top + "/a"))) == nil)
        try chmod(tree.path + "/host", 0o700)
    }

    /// The permissions of a link's target were changed before it was seen that the name is a link.
    @Test func refusedLinkDoesNotChangeItsTarget() throws {
        let tree = try HostileTree()
        try chmod(tree.path + "/host", 0o500)
        try tree.link("a/link", to: tree.path + "/host")
        try chmod(tree.top + "/a", 0o500)
        try? removeTree(tree.top + "/a/link")
        #expect(try status(HostPath(tree.path + "/host")).permissions == 0o500)
        for path in [tree.top + "/a", tree.path + "/host"] { try chmod(path, 0o700) }
    }

    @Test(arguments: [0o000, 0o100, 0o400, 0o500] as [mode_t]) func opensItsOwnDirectories(mode: mode_t) throws {
        let tree = try HostileTree()
        for path in ["/a/b", "/a"] { try chmod(tree.top + path, mode) }
        try removeTree(tree.top + "/a")
        #expect((try? status(HostPath(tree.top + "/a"))) == nil)
    }

    @Test func whatIsGoneIsNoError() throws {
        let tree = try HostileTree()
        try removeTree(tree.top + "/missing")
        try removeTree(tree.top + "/missing/deeper")
    }

    /// Deeper than descriptors reach, and than the kernel takes a path.
    @Test func holdsOneDescriptorHoweverDeep() throws {
        let tree = try HostileTree()
        let root = try tree.root(.kernel)
        var directory = try root.open("", [.pathOnly, .directory])
        for _ in 0..<5000 {
            try makeDirectory(EntryName("d"), at: directory.raw)
            try makeFile(EntryName("f"), [], mode: 0o600, at: directory.raw)
            directory = try open(EntryName("d"), [.pathOnly, .directory], at: directory.raw)
        }
        try root.remove("/d")
        #expect(try root.entries("").map(\.text) == ["a", "etc", "f"])
    }
}
