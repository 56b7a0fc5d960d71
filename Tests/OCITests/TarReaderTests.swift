import Archive
import Testing

/// Bytes given out in pieces, as they come from a decompressor.
final class Pieces: TarSource {
    private let bytes: [UInt8]
    private let size: Int
    private var offset = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    init(_ bytes: [UInt8], size: Int = 700) { (self.bytes, self.size) = (bytes, size) }
    deinit { buffer.deallocate() }

    func next() throws -> UnsafeRawBufferPointer {
        let part = bytes[offset..<min(bytes.count, offset + size)]
        offset += part.count
        buffer.copyBytes(from: part)
        return UnsafeRawBufferPointer(rebasing: buffer[..<part.count])
    }
}

private func entries(_ bytes: [UInt8]) throws -> [TarEntry] {
    let reader = try TarReader(Pieces(bytes))
    var result: [TarEntry] = []
    while let entry = try reader.next() { result.append(entry) }
    return result
}

@Suite struct TarReaderTests {
    @Test func namesAreBytes() throws {
        var tar = TarBytes()
        let latin: [UInt8] = [0x6C, 0xFC, 0x0A, 0x1B]
        tar.header(latin)
        tar.pax([("path", [0xFF, 0xC0, 0x80] + Array("ü".utf8)), ("linkpath", [0xE9])])
        tar.header(Array("short".utf8), type: "2", link: Array("short".utf8))
        tar.end()
        let found = try entries(tar.bytes)
        #expect(found.map(\.path) == [latin, [0xFF, 0xC0, 0x80] + Array("ü".utf8)])
        #expect(found.last?.kind == .symlink([0xE9]))
    }

    @Test func kindsAndAttributesAreRead() throws {
        var tar = TarBytes()
        tar.header(Array("d/".utf8), type: "5", mode: 0o1777, uid: 5, gid: 6, time: 77)
        tar.header(Array("c".utf8), type: "3", device: (5, 1))
        tar.header(Array("b".utf8), type: "4", device: (8, 300))
        tar.header(Array("p".utf8), type: "6")
        tar.header(Array("h".utf8), type: "1", link: Array("c".utf8))
        tar.pax([
            ("SCHILY.xattr.user.x", [0, 1, 0x0A]), ("SCHILY.xattr.security.capability", [1]),
            ("uid", Array("4000000000".utf8)),
        ])
        tar.header(Array("f".utf8), mode: 0o4755, size: 3)
        tar.content(Array("abc".utf8))
        tar.end()
        let found = try entries(tar.bytes)
        #expect(
            found.map(\.kind) == [
                .directory, .character(major: 5, minor: 1), .block(major: 8, minor: 300), .pipe, .hardLink([0x63]),
                .file,
            ])
        #expect(found[0].permissions == 0o1777 && found[0].uid == 5 && found[0].gid == 6 && found[0].modified == 77)
        #expect(found[5].permissions == 0o4755 && found[5].size == 3 && found[5].uid == 4_000_000_000)
        #expect(
            found[5].xattrs.map { String(decoding: $0.name, as: UTF8.self) }.sorted() == [
                "security.capability", "user.x",
            ])
        #expect(found[5].xattrs.first { $0.name.starts(with: "user.".utf8) }?.value == [0, 1, 0x0A])
    }

    @Test func contentComesInPartsAndHolesAreLeftOut() throws {
        var tar = TarBytes()
        tar.pax([
            ("GNU.sparse.major", Array("0".utf8)), ("GNU.sparse.minor", Array("1".utf8)),
            ("GNU.sparse.name", Array("s".utf8)), ("GNU.sparse.size", Array("1000000".utf8)),
            ("GNU.sparse.numblocks", Array("1".utf8)), ("GNU.sparse.map", Array("500000,4".utf8)),
        ])
        tar.header(Array("GNUSparseFile.0/s".utf8), size: 4)
        tar.content(Array("data".utf8))
        tar.end()
        let reader = try TarReader(Pieces(tar.bytes))
        let entry = try #require(try reader.next())
        #expect(entry.path == [0x73] && entry.size == 1_000_000)
        var parts: [Int64: [UInt8]] = [:]
        try reader.content { parts[$0] = Array($1) }
        #expect(parts == [500_000: Array("data".utf8)])
    }

    @Test func emptyStreamsAndEmptyArchivesHaveNoMembers() throws {
        #expect(try entries([]).isEmpty)
        #expect(try entries([UInt8](repeating: 0, count: 1024)).isEmpty)
    }

    @Test func damageIsAnError() throws {
        var tar = TarBytes()
        tar.header(Array("f".utf8), size: 5000)
        tar.content([UInt8](repeating: 1, count: 700))
        #expect(throws: TarError.self) { try entries(tar.bytes) }
        #expect(throws: TarError.self) { try entries([UInt8](repeating: 0x41, count: 4096)) }
    }

    @Test func errorsOfTheSourceComeThrough() throws {
        struct Broken: Error {}
        final class Breaking: TarSource {
            func next() throws -> UnsafeRawBufferPointer { throw Broken() }
        }
        #expect(throws: Broken.self) { try TarReader(Breaking()).next() }
    }
}
