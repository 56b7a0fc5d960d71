import Base
import CLinux
import Core
import Linux
import Squashfs
import SquashfsWriter
import TestSupport
import Testing

@testable import OCI

/// From layers to the bytes of an image, and to a directory.
@Suite struct PackTests {
    /// Every kind of file in two layers; content of several blocks, in either layer, replaced and shared.
    static let layers: [[UInt8]] = [
        TarBytes.made {
            $0.directory("bin", time: 5)
            $0.file("bin/tool", String(repeating: "tool ", count: 100_000), mode: 0o4755, uid: 3, gid: 4)
            $0.link("bin/alias", "bin/tool")
            $0.file("replaced", "old")
            $0.file("gone", "gone")
            $0.file("empty", "")
            $0.symlink("sym", "bin/tool")
            $0.header(Array("pipe".utf8), type: "6", mode: 0o600)
            $0.pax([
                ("GNU.sparse.major", Array("0".utf8)), ("GNU.sparse.minor", Array("1".utf8)),
                ("GNU.sparse.name", Array("sparse".utf8)), ("GNU.sparse.size", Array("1000000".utf8)),
                ("GNU.sparse.numblocks", Array("1".utf8)), ("GNU.sparse.map", Array("500000,4".utf8)),
            ])
            $0.header(Array("GNUSparseFile.0/s".utf8), size: 4)
            $0.content(Array("data".utf8))
        },
        TarBytes.made {
            $0.file("replaced", "new content")
            $0.file(".wh.gone", "")
            $0.link("later", "bin/alias")
            $0.file("tail", "tail")
        },
    ]

    private static var sparse: [UInt8] {
        [UInt8](repeating: 0, count: 500_000) + Array("data".utf8) + [UInt8](repeating: 0, count: 499_996)
    }

    private static func pack(_ image: OCIImage, _ path: String) throws -> Int64 {
        let output = try open(path, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
        var options = SquashfsOptions()
        options.workers = 2
        return try MergedImage(image).pack(into: SquashfsAssembly(output: output.raw, offset: 0, options: options))
    }

    @Test func imagesHoldWhatTheLayersHold() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/image"
        let size = try Self.pack(scratch.image(Self.layers), path)
        #expect(try status(path).size == size && size % 4096 == 0)
        let reader = try SquashfsReader(FileSource(open(path, O_RDONLY)))
        func content(_ path: String) throws -> [UInt8]? {
            try reader.lookup(path: path).flatMap { try reader.content(of: $0, limit: 1 << 24) }
        }
        let tool = Array(String(repeating: "tool ", count: 100_000).utf8)
        for name in ["/bin/tool", "/bin/alias", "/later"] { #expect(try content(name) == tool, "\(name)") }
        #expect(try content("/replaced") == Array("new content".utf8))
        #expect(try content("/empty") == [])
        #expect(try content("/sparse") == Self.sparse)
        #expect(try content("/tail") == Array("tail".utf8))
        #expect(try reader.lookup(path: "/gone") == nil)
        let inode = try #require(try reader.lookup(path: "/bin/tool"))
        #expect(inode.links == 3 && inode.uid == 3 && inode.gid == 4 && inode.permissions == 0o4755)
        #expect(try reader.lookup(path: "/later")?.reference == inode.reference)
        #expect(try reader.lookup(path: "/pipe")?.kind == .fifo)
    }

    @Test func theSameLayersGiveTheSameBytes() throws {
        let scratch = try Scratch()
        let image = try scratch.image(Self.layers)
        _ = try Self.pack(image, scratch.path + "/one")
        _ = try Self.pack(image, scratch.path + "/other")
        #expect(try readFile(scratch.path + "/one") == readFile(scratch.path + "/other"))
    }

    @Test(arguments: [TreeExtraction.Owners.none, .recorded, .own])
    func directoriesHoldWhatTheLayersHold(owners: TreeExtraction.Owners) throws {
        if owners == .own, effectiveUID() != 0 { return }
        let scratch = try Scratch()
        let path = scratch.path + "/root"
        try makeDirectory(path)
        let target = try open(path, O_RDONLY | O_DIRECTORY)
        let merged = try MergedImage(scratch.image(Self.layers))
        try TreeExtraction(merged, to: TreeRoot(adopting: target), path: path, owners: owners).run()
        let tool = try status(path + "/bin/tool")
        #expect(tool.links == 3 && tool.permissions == 0o4755 && tool.modified == 1000 && tool.size == 500_000)
        if owners == .own { #expect(tool.uid == 3 && tool.gid == 4) }
        #expect(try status(path + "/bin").modified == 5)
        #expect(try readFile(path + "/replaced") == Array("new content".utf8))
        #expect(try readFile(path + "/sparse") == Self.sparse)
        #expect(try status(path + "/sparse").allocated < 100_000)
        #expect(try readLink(path + "/sym") == "bin/tool")
        #expect(throws: Errno.noSuchFile) { try status(path + "/gone") }
    }

    @Test func compressedLayersAreVerified() throws {
        let scratch = try Scratch()
        let plain = Self.layers[1]
        let right = try OCIDigest("sha256:" + String(repeating: "1", count: 64))
        var image = try scratch.image([Self.layers[0], plain])
        image.layers[1].digest = right
        let one = #expect(throws: SkiffError.self) { try MergedImage(image) }
        #expect(one?.message.hasPrefix("cannot use layer 2 of test: its content has the digest sha256:") == true)
        image = try scratch.image([Self.layers[0], plain])
        image.layers[0].diffID = right
        let other = #expect(throws: SkiffError.self) { try MergedImage(image) }
        #expect(other?.message.hasPrefix("cannot use layer 1 of test: its uncompressed content") == true)
    }

    @Test func truncatedAndDamagedLayersAreErrors() throws {
        let scratch = try Scratch()
        let layer = Self.layers[0]
        for bytes in [Array(layer[..<3000]), [0x1F, 0x8B, 8, 0], [0x28, 0xB5, 0x2F, 0xFD, 1], [1, 2, 3]] {
            #expect(throws: SkiffError.self) { try MergedImage(scratch.image([bytes])) }
        }
    }

    @Test func manyFilesTakeLittleMemory() throws {
        let tree = LayerTree()
        var merge = LayerMerge(tree, layer: 0)
        for number in 0..<200_000 {
            let path = Array("usr/share/files-\(number / 1000)/name-\(number)".utf8)
            _ = try merge.apply(.init(path: path, kind: .file, size: 1))
        }
        #expect(tree.count == 200_000 + 200 + 3)
        #expect(tree.bytes / tree.count < 150)
    }
}
