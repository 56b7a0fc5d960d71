import CLinux
import Extfs
import Extraction
import Linux
import TestSupport
import Testing

extension Scratch {
    @discardableResult
    func extract(_ options: ExtractionOptions = ExtractionOptions(), leavesOutLostAndFound: Bool = true) throws
        -> ExtractionReport
    {
        let reader = try ExtfsReader(open(image, O_RDONLY), leavesOutLostAndFound: leavesOutLostAndFound)
        let target = try open(copy, O_RDONLY | O_DIRECTORY)
        return try reader.extract(to: target.raw, options)
    }
}

@Suite("extfs extraction", .needs(.mke2fs))
struct ExtractionTests {
    @Test(arguments: ["ext2", "ext3", "ext4"]) func theExtractedTreeIsTheSourceTree(type: String) throws {
        let scratch = try Scratch.withTree()
        let tree = scratch.tree
        try makeDirectories(tree + "/a/b/c")
        try makeDirectory(tree + "/closed", mode: 0o755)
        for size in [0, 1, 1023, 1024, 1025, 70_000, 1_300_000] {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7 + $0 * $0) }
            try writeFile(tree + "/file\(size)", bytes, mode: 0o640)
        }
        try chmod(tree + "/file1024", 0o6755)
        try makeSymlink("/etc/passwd", at: tree + "/link")
        try makeSymlink(String(repeating: "x/", count: 200), at: tree + "/a/long")
        try makeHardLink(tree + "/file70000", at: tree + "/a/b/same")
        try makeNode(tree + "/pipe", mode: SKL_S_IFIFO | 0o640)
        try makeSparse(tree + "/sparse")
        try setXattr("user.mark", [1, 2, 3], of: tree + "/file1")
        try chmod(tree + "/closed", 0o500)
        try succeed(["/bin/sh", "-c", "find \"$0\" -exec touch -h -d @1500000000 {} +", tree])
        try scratch.makeImage(type: type, ["mknod null c 1 3"])
        let report = try scratch.extract()
        #expect(report.devicesLeftOut == [Array("null".utf8)])
        #expect(try listing(scratch.copy) == listing(tree))
        try succeed(["/usr/bin/diff", "-r", "--no-dereference", "--exclude=pipe", tree, scratch.copy])
        #expect(try xattr("user.mark", of: scratch.copy + "/file1") == [1, 2, 3])
        #expect(try status(scratch.copy + "/a/b/same").inode == status(scratch.copy + "/file70000").inode)
        let blocks = try succeed(["/usr/bin/stat", "-c", "%b", scratch.copy + "/sparse"]).dropLast()
        #expect((Int(blocks) ?? 9999) < 1000, "the hole of a sparse file stayed a hole")
    }

    private func makeSparse(_ path: String) throws {
        let file = try open(path, O_WRONLY | O_CREAT, mode: 0o644)
        try writeFully(file.raw, Array("start".utf8), at: 0)
        try writeFully(file.raw, Array("middle".utf8), at: 2_000_000)
        try Linux.ftruncate(file.raw, 5_000_001)
    }

    private func listing(_ path: String) throws -> String {
        try succeed([
            "/bin/sh", "-c", "cd \"$0\" && find . -mindepth 1 ! -name null -printf '%P %y %m %T@ %n %l\\n' | sort",
            path,
        ])
    }

    @Test(.needs(.root)) func ownersAndDevicesAsRoot() throws {
        let scratch = try Scratch.withTree()
        try writeFile(scratch.tree + "/file", [65], mode: 0o644)
        try chown(scratch.tree + "/file", 70_000, 4321)
        try chmod(scratch.tree + "/file", 0o6711)
        try scratch.makeImage(["mknod null c 1 3", "mknod disk b 259 4000", "mknod queue p"])
        let report = try scratch.extract(ExtractionOptions(owners: true, devices: true, xattrs: .all))
        let file = try status(scratch.copy + "/file")
        #expect(file.uid == 70_000 && file.gid == 4321 && file.permissions == 0o6711)
        if report.devicesLeftOut.isEmpty {
            #expect(try deviceParts(status(scratch.copy + "/null").rawDevice) == (1, 3))
            #expect(try deviceParts(status(scratch.copy + "/disk").rawDevice) == (259, 4000))
        }
    }

    @Test func lostAndFoundStaysWhereItIsWanted() throws {
        let scratch = try Scratch.withTree()
        try scratch.makeImage()
        try scratch.extract(leavesOutLostAndFound: false)
        #expect(try status(scratch.copy + "/lost+found").isDirectory)
    }
}
