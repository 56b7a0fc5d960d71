import CLinux
import Extraction
import Foundation
import Linux
import TestSupport
import Testing

@testable import Squashfs

/// Following the inodes from the first one leads to each that the tree has, once.
private func expectAllStored(_ reader: SquashfsReader) throws {
    var named: Set<InodeReference> = [try reader.root().reference]
    try reader.walk(reader.root()) { _, inode throws(SquashfsError) in named.insert(inode.reference) }
    var stored: [InodeReference] = []
    var next: Inode? = try reader.inode(InodeReference(rawValue: 0))
    while let inode = next, stored.count <= named.count {
        stored.append(inode.reference)
        next = try reader.inode(after: inode)
    }
    #expect(stored.count == named.count)
    let isSame = Set(stored) == named
    #expect(isSame)
}

/// Everything that the reader says about a tree is what lstat(2) and read(2) say about its source.
private func expectSame(_ reader: SquashfsReader, _ tree: String) throws {
    var paths: Set<String> = []
    var numbers: [UInt64: UInt32] = [:]
    try reader.walk(reader.root()) { path, inode throws(SquashfsError) in
        let text = tree + "/" + String(decoding: path, as: UTF8.self)
        paths.insert(text)
        // The one name that is not UTF-8 is checked by `oddNames`.
        guard String(decoding: path, as: UTF8.self).utf8.elementsEqual(path) else { return }
        guard let there = try? status(text, follow: false) else {
            Issue.record("\(text) is not in the source")
            return
        }
        #expect(inode.mode == there.mode, "\(text)")
        #expect(inode.uid == there.uid && inode.gid == there.gid, "\(text)")
        #expect(Int64(inode.modified) == there.modified, "\(text)")
        if !inode.isDirectory {
            #expect(UInt64(inode.links) == there.links, "\(text)")
            #expect(numbers[there.inode, default: inode.number] == inode.number, "hard links of \(text)")
            numbers[there.inode] = inode.number
        }
        switch inode.kind {
        case .file:
            #expect(inode.size == UInt64(there.size), "\(text)")
            let whole = try reader.content(of: inode, limit: 8 << 20)
            let expected = try? readFile(text)
            #expect(whole == expected, "content of \(text)")
        case .symlink:
            let target = String(decoding: try reader.target(of: inode), as: UTF8.self)
            let expected = try? readLink(text)
            #expect(target == expected, "\(text)")
        default: break
        }
        let found = try reader.lookup(path: String(decoding: path, as: UTF8.self), followLast: false)
        #expect(found?.reference == inode.reference, "\(text)")
    }
    let source = FileManager.default.enumerator(atPath: tree)?.allObjects.count ?? 0
    #expect(paths.count == source)
    try expectAllStored(reader)
}

@Suite("squashfs reader", .needs(.mksquashfs))
struct ReadingTests {
    @Test(
        "every compression and block size",
        arguments: ["gzip", "zstd", "lz4", "xz", "lzma"], ["4K", "128K", "1M"])
    func compressions(_ compression: String, _ blockSize: String) throws {
        let scratch = try Scratch()
        try makeTree(at: scratch.path + "/tree")
        try makeImage(scratch.path + "/tree", scratch.path + "/image", ["-comp", compression, "-b", blockSize])
        try expectSame(try openImage(scratch.path + "/image"), scratch.path + "/tree")
    }

    @Test(
        "layout options",
        arguments: [
            ["-no-fragments"], ["-always-use-fragments"], ["-noI", "-noD", "-noF", "-noX"], ["-no-exports"],
            ["-no-duplicates"], ["-no-xattrs"], ["-nopad"],
        ])
    func layouts(_ options: [String]) throws {
        let scratch = try Scratch()
        try makeTree(at: scratch.path + "/tree")
        try makeImage(scratch.path + "/tree", scratch.path + "/image", options)
        let reader = try openImage(scratch.path + "/image")
        try expectSame(reader, scratch.path + "/tree")
        #expect(reader.superblock.hasExportTable == !options.contains("-no-exports"))
    }

    @Test(
        "lzo, with all its levels and small blocks",
        arguments: [[], ["-Xalgorithm", "lzo1x_1"], ["-Xcompression-level", "1"], ["-b", "4096"], ["-b", "1M"]])
    func lzo(_ options: [String]) throws {
        let scratch = try Scratch()
        try makeTree(at: scratch.path + "/tree")
        // Rows of all lengths, far and near repetitions, and what does not compress.
        try shell(
            """
            cd "$0"; i=0; while [ $i -lt 400 ]; do head -c $i /dev/urandom; head -c $i /dev/zero; echo $i; i=$((i + 1)); done >mixed
            cat mixed mixed >far; head -c 300000 /dev/urandom >random; seq 60000 >numbers
            """, [scratch.path + "/tree"])
        try makeImage(scratch.path + "/tree", scratch.path + "/image", ["-comp", "lzo"] + options)
        try expectSame(try openImage(scratch.path + "/image"), scratch.path + "/tree")
    }

    /// Whatever the bytes are, the decoder writes no more than it may, and comes back.
    @Test("damaged lzo") func damagedLZO() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...60, using: &generator)
            let input = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var output = [UInt8](repeating: 0xAA, count: 64)
            let written = output.withUnsafeMutableBytes { space in
                input.withUnsafeBytes {
                    LZOCodec().decode($0, into: UnsafeMutableRawBufferPointer(rebasing: space[..<40]))
                }
            }
            #expect(written ?? 0 <= 40)
            #expect(output[40...].allSatisfy { $0 == 0xAA })
        }
    }

    @Test("an image inside a larger file") func offset() throws {
        let scratch = try Scratch()
        try makeTree(at: scratch.path + "/tree")
        try makeImage(scratch.path + "/tree", scratch.path + "/image", [])
        let image = try readFile(scratch.path + "/image")
        let before = [UInt8](repeating: 0xAA, count: 36_864)
        try writeFile(scratch.path + "/larger", before + image + before, mode: 0o644)
        let path = scratch.path + "/larger"
        try expectSame(try openImage(path, offset: 36_864, limit: Int64(image.count)), scratch.path + "/tree")
        #expect(throws: SquashfsError.notSquashfs) { try openImage(path) }
        #expect(throws: SquashfsError.corrupt(.truncated)) { try openImage(path, offset: 36_864, limit: 4096) }
        #expect(throws: Errno.invalidArgument) { try openImage(path, offset: 1 << 40) }
    }

    @Test("ten thousand names: lookup, cookies") func manyNames() throws {
        let scratch = try Scratch()
        let tree = scratch.path + "/tree"
        try makeDirectories(tree)
        // Long names make the listing cross metadata blocks in odd places.
        let names = (0..<10_000).map { "entry-\($0)-" + String(repeating: "n", count: $0 % 97) }
        for name in names { try writeFile(tree + "/" + name, [], mode: 0o644) }
        try makeImage(tree, scratch.path + "/image", [])
        let reader = try openImage(scratch.path + "/image")
        let root = try reader.root()
        for name in names {
            let entry = try reader.lookup(Array(name.utf8), in: root)
            #expect(entry?.name == Array(name.utf8))
        }
        for missing in ["a", "entry-", "entry-5000", "zzz", "entry-9999-", String(repeating: "n", count: 300)] {
            #expect(try reader.lookup(Array(missing.utf8), in: root) == nil, "\(missing)")
        }
        var found: [[UInt8]] = []
        var cookie: UInt64 = 0
        // As a server does it: some entries, then again from the cookie.
        while true {
            var cursor = try reader.entries(of: root, from: cookie)
            let before = found.count
            while found.count - before < 37, let entry = try cursor.next() { found.append(entry.name) }
            if found.count == before { break }
            cookie = cursor.cookie
        }
        #expect(found == names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
        try expectAllStored(reader)
        // Any of them again, in no order, and one that lies inside of an entry leads to the next.
        var all = try reader.entries(of: root)
        var places: [(cookie: UInt64, next: [UInt8])] = []
        while let entry = try all.next() { places.append((all.cookie, entry.name)) }
        for index in places.indices.dropLast().shuffled().prefix(500) {
            let (cookie, _) = places[index]
            #expect(cookie < 1 << 31)
            var again = try reader.entries(of: root, from: cookie)
            #expect(try again.next()?.name == places[index + 1].next)
            var inside = try reader.entries(of: root, from: cookie - 1)
            #expect(try inside.next()?.name == places[index + 1].next)
        }
        var past = try reader.entries(of: root, from: 1 << 40)
        #expect(try past.next() == nil)
    }

    @Test("reads from the middle") func ranges() throws {
        let scratch = try Scratch()
        try makeDirectories(scratch.path + "/tree")
        let whole = content(9_000_000, seed: 5)
        try writeFile(scratch.path + "/tree/big", whole, mode: 0o644)
        // 2198 blocks: two marks in the block list.
        try makeImage(scratch.path + "/tree", scratch.path + "/image", ["-b", "4K"])
        let reader = try openImage(scratch.path + "/image")
        let file = try #require(try reader.lookup(path: "big"))
        for (offset, count) in [
            (0, 10), (4095, 2), (8_999_990, 10), (8_999_990, 100), (4_194_304, 8192), (8_500_000, 131_072),
            (1, 9_000_000),
            (9_000_000, 1), (12_000_000, 5),
        ] {
            var buffer = [UInt8](repeating: 0xEE, count: count)
            let done = try buffer.withUnsafeMutableBytes { try reader.read(file, at: UInt64(offset), into: $0) }
            let end = min(offset + count, whole.count)
            #expect(Array(buffer[..<done]) == (offset < end ? Array(whole[offset..<end]) : []), "\(offset)+\(count)")
        }
    }

    @Test("paths follow links inside the image") func paths() throws {
        let scratch = try Scratch()
        try makeTree(at: scratch.path + "/tree")
        try makeImage(scratch.path + "/tree", scratch.path + "/image", [])
        let reader = try openImage(scratch.path + "/image")
        let deep = try #require(try reader.lookup(path: "/a/b/c/d/deep"))
        #expect(try reader.content(of: deep, limit: 100) == Array("deep\n".utf8))
        #expect(try reader.lookup(path: "absolute/c/d/deep")?.reference == deep.reference)
        #expect(try reader.lookup(path: "../../a/./b//c/../c/d/deep")?.reference == deep.reference)
        #expect(try reader.lookup(path: "/a/link")?.size == 4096)
        #expect(try reader.lookup(path: "/a/link", followLast: false)?.kind == .symlink)
        #expect(try reader.lookup(path: "/loop") == nil)
        #expect(try reader.lookup(path: "/file1/x") == nil)
        #expect(try reader.lookup(path: "/none") == nil)
        #expect(try reader.lookup(path: "/")?.reference == reader.root().reference)
    }

    @Test("devices, export table, extended attributes") func extras() throws {
        let scratch = try Scratch()
        let tree = scratch.path + "/tree"
        try makeTree(at: tree)
        let long = content(3000, seed: 9)
        try setXattr("user.short", Array("value".utf8), of: tree + "/file1")
        // Two files with the same long value: it is stored once, out of line.
        for name in ["/file511", "/file4095", "/a"] { try setXattr("user.long", long, of: tree + name) }
        try makeImage(tree, scratch.path + "/image", ["-p", "null c 666 0 0 1 3", "-p", "disk b 660 0 6 259 70000"])
        let reader = try openImage(scratch.path + "/image")
        let null = try #require(try reader.lookup(path: "null"))
        #expect(null.kind == .characterDevice && null.major == 1 && null.minor == 3 && null.mode == 0o020666)
        let disk = try #require(try reader.lookup(path: "disk"))
        #expect(disk.kind == .blockDevice && disk.major == 259 && disk.minor == 70_000)
        #expect(try reader.reference(toInode: disk.number) == disk.reference)
        #expect(throws: SquashfsError.corrupt(.inodeNumber)) { try reader.reference(toInode: 1_000_000) }
        let short = try #require(try reader.lookup(path: "file1"))
        #expect(try reader.xattrs(of: short).map(\.name) == [Array("user.short".utf8)])
        #expect(try reader.xattrs(of: short).map(\.value) == [Array("value".utf8)])
        for name in ["/file511", "/file4095", "/a"] {
            let inode = try #require(try reader.lookup(path: name))
            #expect(try reader.xattrs(of: inode).map(\.value) == [long], "\(name)")
        }
        #expect(try reader.xattrs(of: disk).isEmpty)
    }
}
