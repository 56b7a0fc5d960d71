import CLinux
import Linux
import Packing
import TestSupport
import Testing

@testable import Build

/// `--fix-perms`: what layers bring can have permissions with which its owner cannot work.
@Suite struct PermissionTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        try scratch.directory("root/closed/deep")
        try scratch.file("root/closed/deep/file", mode: 0o040)
        try scratch.file("root/tool", mode: 0o4511)
        try makeSymlink("/etc/passwd", at: scratch.path + "/root/closed/link")
        try chmod(scratch.path + "/root/closed/deep", 0o055)
        try chmod(scratch.path + "/root/closed", 0o2000)
    }

    private func mode(_ path: String) throws -> mode_t { try status(scratch.path + "/root/" + path).permissions }

    @Test func ownersGetWhatTheyNeedAndNothingElseChanges() throws {
        let outside = try status("/etc/passwd").permissions
        let permissions = Permissions(root: try RootTree(scratch.path + "/root"))
        #expect(permissions.areHard)
        try permissions.fix()
        #expect(!permissions.areHard)
        #expect(try mode("closed") == 0o2700 && mode("closed/deep") == 0o755)
        #expect(try mode("closed/deep/file") == 0o640)
        #expect(try mode("tool") & 0o777 == 0o711)
        #expect(try status("/etc/passwd").permissions == outside, "through the link")
    }

    @Test func ordinaryTreesAreEasy() throws {
        try scratch.directory("easy/a/b")
        try scratch.file("easy/a/file", mode: 0)
        #expect(try !Permissions(root: RootTree(scratch.path + "/easy")).areHard)
    }
}
