import CLinux
import Extraction
import Linux
import Ownership
import Squashfs
import TestSupport
import Testing

@Suite("squashfs extraction", .needs(.mksquashfs))
struct ExtractionTests {
    /// Every line that find prints about a tree; two equal listings are equal trees, content aside.
    private func listing(_ tree: String) throws -> [Substring] {
        try shell(
            "cd \"$0\" && find . -printf '%P %y %m %n %s %T@ %l\\n' | LC_ALL=C sed 's/\\.0*$//' | sort", [tree]
        ).split(separator: "\n").map { line in
            // The length of a directory is up to the file system.
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            return words.contains("d") ? line.prefix(while: { $0 != "d" }) : line
        }
    }

    @Test("owners and devices are recorded for root of one id", .needs(.root))
    func records() throws {
        let scratch = try Scratch()
        let tree = scratch.path + "/tree"
        try makeDirectories(tree + "/home")
        try writeFile(tree + "/program", [1], mode: 0o755)
        try makeSymlink("program", at: tree + "/link")
        try chown(tree + "/home", 1000, 100)
        try chown(tree + "/link", 7, 8)
        try chown(tree + "/program", 0, 9)
        try chmod(tree + "/program", 0o4755)
        let power: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        try setXattr("security.capability", power, of: tree + "/program")
        try setXattr("trusted.mark", [1], of: tree + "/program")
        try setXattr("user.skiff.owner", Array("3:3".utf8), of: tree)
        try makeImage(tree, scratch.path + "/image", ["-p", "null c 666 0 6 1 3"])
        let copy = scratch.path + "/copy"
        try makeDirectories(copy)
        let target = try open(copy, O_RDONLY | O_DIRECTORY)
        let report = try openImage(scratch.path + "/image").extract(to: target.raw, ExtractionOptions(records: .owners))
        #expect(report.devicesLeftOut.isEmpty)
        #expect(report.xattrsLeftOut == 0)
        func record(_ name: String) throws -> RecordedOwner? {
            try RecordedOwner.read(EntryName(name), at: target.raw)
        }
        #expect(try record("home") == RecordedOwner(uid: 1000, gid: 100))
        #expect(try record("link") == RecordedOwner(uid: 7, gid: 8))
        #expect(try record("program") == RecordedOwner(uid: 0, gid: 9))
        #expect(try record("null") == RecordedOwner(uid: 0, gid: 6, device: .character(major: 1, minor: 3)))
        #expect(try RecordedOwner.read(target.raw) == nil)
        #expect(try status(copy + "/home").uid == 0)
        #expect(try status(copy + "/program").permissions == 0o4755)
        #expect(try status(copy + "/null").permissions == 0o666)
        #expect(try xattr("security.capability", of: copy + "/program") == power)
        #expect(try xattrNames(copy + "/program").contains("user.skiff.xattr.trusted.mark"))
    }

    @Test("the extracted tree is the source tree") func roundTrip() throws {
        let scratch = try Scratch()
        let tree = scratch.path + "/tree"
        try makeTree(at: tree)
        // Times without fractions, because images have none.
        try succeed(["/bin/sh", "-c", "find \"$0\" -exec touch -h -d @1500000000 {} +", tree])
        try setXattr("user.mark", [1, 2, 3], of: tree + "/file1")
        try chmod(tree + "/a/b/c", 0o500)
        try makeImage(tree, scratch.path + "/image", ["-p", "null c 666 0 0 1 3"])
        let copy = scratch.path + "/copy"
        try makeDirectories(copy)
        let target = try open(copy, O_RDONLY | O_DIRECTORY)
        let report = try openImage(scratch.path + "/image").extract(to: target.raw)
        #expect(report.devicesLeftOut == [Array("null".utf8)])
        #expect(report.xattrsLeftOut == 0)
        #expect(try listing(copy) == listing(tree))
        try succeed(["/usr/bin/diff", "-r", "--no-dereference", "--exclude=pipe", tree, copy])
        #expect(try xattr("user.mark", of: copy + "/file1") == [1, 2, 3])
        #expect(try status(copy + "/zzz").inode == status(copy + "/a/b/same").inode)
        #expect(try status(copy + "/a/b/c").permissions == 0o500)
        let blocks = try succeed(["/usr/bin/stat", "-c", "%b", copy + "/sparse"]).dropLast()
        #expect((Int(blocks) ?? 9999) < 1000, "the hole of a sparse file stayed a hole")
    }

    @Test("devices and owners, as root", .needs(.root)) func asRoot() throws {
        let scratch = try Scratch()
        try makeDirectories(scratch.path + "/tree")
        try writeFile(scratch.path + "/tree/file", [65], mode: 0o644)
        try chown(scratch.path + "/tree/file", 1234, 4321)
        try chmod(scratch.path + "/tree/file", 0o6711)
        try makeImage(scratch.path + "/tree", scratch.path + "/image", ["-p", "null c 666 0 0 1 3"])
        let copy = scratch.path + "/copy"
        try makeDirectories(copy)
        let options = ExtractionOptions(owners: true, devices: true, xattrs: .all)
        let target = try open(copy, O_RDONLY | O_DIRECTORY)
        let report = try openImage(scratch.path + "/image").extract(to: target.raw, options)
        let file = try status(copy + "/file")
        #expect(file.uid == 1234 && file.gid == 4321 && file.permissions == 0o6711)
        if report.devicesLeftOut.isEmpty {
            #expect(try status(copy + "/null").isCharacterDevice)
        }
    }

    @Test("a target that is not empty stops it") func occupied() throws {
        let scratch = try Scratch()
        try makeDirectories(scratch.path + "/tree")
        try writeFile(scratch.path + "/tree/file", [65], mode: 0o644)
        try makeImage(scratch.path + "/tree", scratch.path + "/image", [])
        try makeDirectories(scratch.path + "/copy")
        try makeSymlink("/etc/passwd", at: scratch.path + "/copy/file")
        let reader = try openImage(scratch.path + "/image")
        let target = try open(scratch.path + "/copy", O_RDONLY | O_DIRECTORY).release()
        defer { close(target) }
        let error = #expect(throws: ExtractionError.self) { try reader.extract(to: target) }
        #expect(error?.path == Array("file".utf8))
    }
}
