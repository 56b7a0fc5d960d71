import CLinux
import Extfs
import Extraction
import Linux
import TestSupport
import Testing

/// File systems that no kernel made. Each is refused with a reason, and nothing appears outside of the directory.
@Suite("hostile extfs", .needs(.mke2fs))
struct HostileTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var commands: [String] = []
        var old = ""
        var new = ""
        let reason: String
    }

    /// `/victim` lies beside the directory that is written, and `QQQ…` is a file whose name the image has once.
    static let cases = [
        Case(
            testDescription: "a name leads out of the directory", old: "QQQQQQQQQ", new: "../victim",
            reason: "an entry has a name that no file can have"),
        Case(
            testDescription: "a name is absolute", old: "QQQQQQQQQ", new: "/tmp/own!",
            reason: "an entry has a name that no file can have"),
        Case(
            testDescription: "a name holds a NUL", old: "QQQQQQQQQ", new: "own\0\0\0\0\0\0",
            reason: "an entry has a name that no file can have"),
        Case(
            testDescription: "a link and a file have one name", commands: ["symlink AAAAAAAAA ../victim"],
            old: "QQQQQQQQQ", new: "AAAAAAAAA", reason: "two files of one directory have this name"),
        Case(
            testDescription: "a link and a directory have one name",
            commands: ["symlink AAAAAAAAA ..", "mkdir BBBBBBBBB"], old: "BBBBBBBBB", new: "AAAAAAAAA",
            reason: "two files of one directory have this name"),
        Case(
            testDescription: "a link and a pipe have one name",
            commands: ["symlink AAAAAAAAA ../victim", "mknod BBBBBBBBB p"], old: "BBBBBBBBB", new: "AAAAAAAAA",
            reason: "two files of one directory have this name"),
        Case(
            testDescription: "a hard link has the name of a link",
            commands: ["symlink AAAAAAAAA ../victim", "ln QQQQQQQQQ BBBBBBBBB", "sif QQQQQQQQQ links_count 2"],
            old: "BBBBBBBBB", new: "AAAAAAAAA", reason: "two files of one directory have this name"),
        Case(
            testDescription: "a directory has two entries for its parent", commands: ["mkdir d", "mkdir d/BB"],
            old: "BB", new: "..", reason: "more than one entry for itself or its parent"),
        Case(
            testDescription: "a directory is in two places", commands: ["mkdir d", "mkdir e", "ln d e/again"],
            reason: "a directory is in two places, or contains itself"),
        Case(
            testDescription: "a directory contains itself", commands: ["mkdir d", "ln d d/loop"],
            reason: "a directory is in two places, or contains itself"),
        Case(
            testDescription: "the root is below itself", commands: ["mkdir d", "ln <2> d/loop"],
            reason: "a directory is in two places, or contains itself"),
        Case(testDescription: "the journal has a name", commands: ["ln <8> journal"], reason: "illegal inode number"),
        Case(
            testDescription: "a name leads to a deleted file", commands: ["sif QQQQQQQQQ links_count 0"],
            reason: "illegal inode number"),
        Case(
            testDescription: "a file has an unknown type", commands: ["sif QQQQQQQQQ mode 0170644"],
            reason: "a file has an unknown type"),
        Case(
            testDescription: "a block lies outside of the image", commands: ["sif QQQQQQQQQ block[0] 4000000"],
            reason: "short read"),
        Case(
            testDescription: "an indirect block contains itself",
            commands: ["sif QQQQQQQQQ block[TIND] 700", "sif QQQQQQQQQ size 1000000000", "zap_block -p 188 700"],
            reason: "illegal"),
        Case(
            testDescription: "a link has a size that no link has", commands: ["symlink l x", "sif l size 100000"],
            reason: "a symbolic link is empty or too long"),
        Case(
            testDescription: "a link has no target", commands: ["symlink l x", "sif l size 0"],
            reason: "a symbolic link is empty or too long"),
    ]

    @Test(arguments: cases) func isRefused(hostile: Case) throws {
        let scratch = try Scratch.withTree()
        try writeFile(scratch.path + "/victim", Array("before".utf8), mode: 0o644)
        try writeFile(scratch.tree + "/QQQQQQQQQ", Array("owned".utf8), mode: 0o644)
        try scratch.makeImage(hostile.commands)
        if !hostile.old.isEmpty { try scratch.replace(hostile.old, with: hostile.new) }
        let error = #expect(throws: ExtractionError.self) { try scratch.extract() }
        guard case .image(let reason)? = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.lowercased().contains(hostile.reason), "\(reason)")
        #expect(try readFile(scratch.path + "/victim") == Array("before".utf8))
        #expect(!isAccessible("/tmp/own!", F_OK))
    }

    /// Blocks that several files share could become any number of bytes.
    @Test func filesThatShareBlocksAreRefused() throws {
        let scratch = try Scratch.withTree()
        let megabyte = [UInt8](repeating: 65, count: 1 << 20)
        try writeFile(scratch.tree + "/large", megabyte, mode: 0o644)
        var commands: [String] = []
        for index in 0..<12 {
            try writeFile(scratch.tree + "/f\(index)", [], mode: 0o644)
            commands.append("sif f\(index) size 1048576")
        }
        try scratch.makeImage(commands)
        let place = try succeed(["/sbin/debugfs", "-R", "stat large", scratch.image])
        let double = try #require(place.firstMatch(of: /\(DIND\):(\d+)/)?.1)
        let single = try #require(place.firstMatch(of: /\(IND\):(\d+)/)?.1)
        for index in 0..<12 {
            for change in ["block[IND] \(single)", "block[DIND] \(double)"] {
                try succeed(["/sbin/debugfs", "-w", "-R", "sif f\(index) \(change)", scratch.image])
            }
        }
        let error = #expect(throws: ExtractionError.self) { try scratch.extract() }
        #expect(error?.reason == .image("the ext file system is damaged: illegal block number"))
    }

    @Test func aSizeThatNoFileCanHaveIsRefused() throws {
        let scratch = try Scratch.withTree()
        try writeFile(scratch.tree + "/huge", Array("short".utf8), mode: 0o644)
        try scratch.makeImage(["sif huge size 0x4000000000000000"])
        let error = #expect(throws: ExtractionError.self) { try scratch.extract() }
        #expect(error?.path == Array("huge".utf8) && error?.reason == .write(Errno(EFBIG)))
    }

    @Test(arguments: [0, 1024, 2047, 3000, 1 << 20]) func aFileSystemLargerThanItsImageIsRefused(length: Int64) throws {
        let scratch = try Scratch.withTree()
        try scratch.makeImage()
        let file = try open(scratch.image, O_RDWR)
        try ftruncate(file.raw, length)
        let error = #expect(throws: ExtfsError.self) { try scratch.extract() }
        #expect(error == .corrupt(.truncated))
    }

    @Test func deepTreesAreRefusedAndNotFollowedForEver() throws {
        let scratch = try Scratch.withTree()
        // Names of 250 bytes: the limit of 64 KiB is met after 262 of them.
        let name = String(repeating: "n", count: 250)
        let script = "cd \"$0\"; for i in $(seq 300); do mkdir \(name) && cd \(name) || exit; done"
        try succeed(["/bin/bash", "-c", script, scratch.tree])
        try scratch.makeImage()
        let error = #expect(throws: ExtractionError.self) { try scratch.extract() }
        #expect(error?.reason == .image("its directories are nested too deeply"))
    }
}
