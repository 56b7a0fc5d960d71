import CLinux
import Foundation
import Linux
import SquashfsWriter
import TestSupport
import Testing

@testable import Packing

/// What is written into a directory that is only read, beside the same calls on a copy of it.
@Suite final class ChangedDirectoryTests {
    private let scratch: Scratch
    private let copy: RootTree
    private let changed: ChangedDirectory

    init() throws {
        scratch = try Scratch()
        let folder = scratch.path
        for name in ["source", "copy"] {
            let root = folder + "/" + name
            try makeDirectories(root + "/usr/bin")
            try makeDirectories(root + "/etc")
            try makeDirectories(root + "/run")
            try makeSymlink("usr/bin", at: root + "/bin")
            try makeSymlink("/usr/../usr/bin/../bin", at: root + "/around")
            try makeSymlink("loop", at: root + "/loop")
            try makeSymlink("../run/made", at: root + "/etc/there")
            try makeSymlink("../none/made", at: root + "/etc/nowhere")
            try writeFile(root + "/etc/file", Array("old".utf8), mode: 0o600)
        }
        copy = try RootTree(folder + "/copy")
        changed = ChangedDirectory(try RootTree(folder + "/source"))
        changed.time = 7
    }

    /// Does the same to both, and looks at both.
    private func both(_ act: (any ImageRoot) throws -> Void, _ paths: String...) throws {
        for root in [copy, changed] as [any ImageRoot] {
            do { try act(root) } catch { continue }
        }
        for path in paths {
            #expect(changed.exists(path) == copy.exists(path), "\(path)")
            #expect(changed.read(path) == copy.read(path), "\(path)")
            guard copy.status(path)?.isDirectory == true else { continue }
            #expect(try changed.names(in: path) == copy.names(in: path), "\(path)")
        }
    }

    @Test func readsWhatIsThere() throws {
        try both({ _ in }, "/", "/bin", "/around", "/loop", "/etc", "/etc/file", "/etc/there", "/etc/file/x", "/../etc")
    }

    @Test func writesThroughLinks() throws {
        try both(
            {
                try $0.write("/bin/one", [1], mode: 0o755)
                try $0.write("/around/two", [2], mode: 0o644)
            }, "/usr/bin", "/usr/bin/one", "/bin/two", "/around")
        try both({ try $0.write("/etc/there", [3], mode: 0o644) }, "/run/made", "/etc/there", "/run", "/etc")
        try both({ try $0.write("/etc/nowhere", [4], mode: 0o644) }, "/etc/nowhere", "/none", "/")
        try both({ try $0.write("/etc/file", [5], mode: 0o644) }, "/etc/file")
        try both({ try $0.write("/a/b/c", [6], mode: 0o644) }, "/a", "/a/b", "/a/b/c", "/a/../a/b")
        #expect(try readFile(scratch.path + "/source/etc/file") == Array("old".utf8))
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/source").sorted()
        #expect(names == ["around", "bin", "etc", "loop", "run", "usr"])
    }

    @Test func refusesWhatACopyRefuses() throws {
        for path in ["/etc", "/loop", "/etc/file/x", "/"] {
            #expect(throws: (any Error).self, "\(path)") { try changed.write(path, [1], mode: 0o644) }
            #expect(throws: (any Error).self, "\(path)") { try copy.write(path, [1], mode: 0o644) }
        }
        #expect(throws: (any Error).self) { try changed.makeDirectories("/etc/file/x") }
    }

    @Test func linksAndRemoves() throws {
        try both({ try $0.link("/etc/there", to: "file") }, "/etc/there", "/etc")
        try both({ try $0.link("/etc/file", to: "other") }, "/etc/file")
        try both({ try $0.link("/new/link", to: "../etc/file") }, "/new", "/new/link")
        try both({ try $0.remove("/etc") }, "/", "/etc", "/etc/file", "/new/link")
        try both({ try $0.write("/etc/again", [1], mode: 0o644) }, "/etc", "/etc/again", "/etc/file")
        try both({ try $0.remove("/etc/again") }, "/etc", "/etc/again")
        try both({ try $0.remove("/none/at/all") }, "/none")
        #expect(changed.changes[[], Array("etc".utf8)]?.kind == .directory)
        #expect(isAccessible(scratch.path + "/source/etc/file", F_OK))
    }
}
