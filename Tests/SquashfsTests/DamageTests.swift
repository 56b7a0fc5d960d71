import CLinux
import Extraction
import Linux
import Squashfs
import TestSupport
import Testing

/// Opens, walks, reads: everything a user could do, with bounded work. Any `SquashfsError` is a good answer.
private func exercise(_ bytes: [UInt8]) {
    do throws(SquashfsError) {
        let reader = try SquashfsReader(MemorySource(bytes))
        try reader.walk(reader.root()) { path, inode throws(SquashfsError) in
            _ = try? reader.xattrs(of: inode)
            _ = try? reader.target(of: inode)
            _ = try? reader.lookup(path, in: inode)
            _ = try? reader.segments(of: inode, at: 0, count: 1 << 20)
            _ = try? reader.segments(of: inode, at: inode.size / 2, count: 1)
            _ = try? reader.segments(of: inode, at: inode.size &- 1, count: 10)
            _ = try? reader.reference(toInode: inode.number)
            if inode.isDirectory { _ = try? reader.entries(of: inode, from: UInt64(inode.number) << 20 | 0x2345) }
        }
    } catch {
        return
    }
}

@Suite("damaged images", .needs(.mksquashfs))
struct DamageTests {
    private func smallImage(_ options: [String]) throws -> [UInt8] {
        let scratch = try Scratch()
        let tree = scratch.path + "/tree"
        try makeDirectories(tree + "/a/b")
        try writeFile(tree + "/a/file", content(9000, seed: 3), mode: 0o644)
        try writeFile(tree + "/a/b/small", Array("small".utf8), mode: 0o644)
        try makeSymlink("a/file", at: tree + "/link")
        try makeHardLink(tree + "/a/file", at: tree + "/hard")
        try setXattr("user.x", Array("y".utf8), of: tree + "/a/file")
        try setXattr("user.long", [UInt8](repeating: 7, count: 500), of: tree + "/a/b/small")
        try makeImage(tree, scratch.path + "/image", ["-nopad", "-b", "4K"] + options)
        return try readFile(scratch.path + "/image")
    }

    /// Stored uncompressed, so that a flipped byte reaches the fields behind the decoder.
    @Test("every byte changed", arguments: [["-noI", "-noX"], ["-comp", "zstd"], ["-comp", "lz4"]])
    func changedBytes(_ options: [String]) throws {
        let image = try smallImage(options)
        #expect(throws: Never.self) { try SquashfsReader(MemorySource(image)) }
        for index in image.indices {
            for change: UInt8 in [0x01, 0x80, 0xFF] {
                var damaged = image
                damaged[index] ^= change
                exercise(damaged)
            }
        }
    }

    @Test("cut at every length") func truncated() throws {
        let image = try smallImage([])
        for length in 0..<image.count {
            #expect(throws: SquashfsError.self, "\(length) bytes") {
                try SquashfsReader(MemorySource(Array(image[..<length])))
            }
        }
    }

    @Test("a file that shrinks after it was opened gives an error") func shrunk() throws {
        let scratch = try Scratch()
        try writeFile(scratch.path + "/image", smallImage([]), mode: 0o644)
        let source = try FileSource(open(scratch.path + "/image", O_RDONLY))
        let reader = try SquashfsReader(source)
        let writable = try open(scratch.path + "/image", O_WRONLY)
        try Linux.ftruncate(writable.raw, 200)
        #expect(throws: SquashfsError.corrupt(.truncated)) {
            try reader.walk(reader.root()) { _, inode throws(SquashfsError) in
                _ = try reader.segments(of: inode, at: 0, count: 100)
            }
        }
    }

    @Test("numbers that lie") func lies() throws {
        let image = try smallImage(["-noI", "-noX"])
        func with(_ offset: Int, _ bytes: [UInt8]) -> MemorySource {
            var copy = image
            copy.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            return MemorySource(copy)
        }
        let all: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]
        #expect(throws: SquashfsError.corrupt(.blockSize)) { try SquashfsReader(with(22, [63])) }
        #expect(throws: SquashfsError.unsupported(.version(major: 3, minor: 0))) {
            try SquashfsReader(with(28, [3]))
        }
        #expect(throws: SquashfsError.unsupported(.compression(9))) { try SquashfsReader(with(20, [9])) }
        #expect(throws: SquashfsError.corrupt(.truncated)) { try SquashfsReader(with(40, all)) }
        for table in [48, 56, 64, 72, 80, 88] {
            #expect(throws: SquashfsError.corrupt(.tableOutside)) { try SquashfsReader(with(table, all)) }
        }
        // Fragments: a count that reaches far behind the image.
        #expect(throws: SquashfsError.corrupt(.tableOutside)) {
            try SquashfsReader(with(16, [0xFF, 0xFF, 0xFF, 0xFF]))
        }
        let root = try SquashfsReader(with(32, all))
        #expect(throws: SquashfsError.corrupt(.metadataOutside)) { try root.root() }
    }
}
