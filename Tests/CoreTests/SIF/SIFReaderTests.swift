import CLinux
import Linux
import TestSupport
import Testing

@testable import Core

struct SIFReaderTests {
    @Test(arguments: expectedVectors) func everyFieldOfEveryVector(_ expected: Expected) throws {
        let scratch = try Scratch()
        var bytes = try Vectors.bytes(expected.file)
        if expected.file.hasSuffix(".gz") {
            let path = scratch.path + "/image.sif"
            #expect(system("gzip -dc '\(Vectors.directory + expected.file)' > '\(path)'") == 0)
            bytes = try readFile(path)
        }
        #expect(bytes.count == expected.fileSize)
        let file = try scratch.openFile("copy.sif", bytes)
        let image = try SIFImage(reading: file.raw)
        #expect(String(decoding: image.header.launch, as: UTF8.self) == expected.launch)
        #expect(image.header.architecture.code == expected.architecture)
        #expect(image.header.identifier.description == expected.identifier)
        #expect(image.header.created == expected.created)
        #expect(image.header.modified == expected.modified)
        #expect(image.header.descriptorsFree == expected.free)
        #expect(image.header.descriptorsTotal == 48)
        #expect(image.header.descriptorsOffset == 4096)
        #expect(image.header.descriptorsSize == 28080)
        #expect(image.header.dataOffset == expected.dataOffset)
        #expect(image.header.dataSize == expected.dataSize)
        #expect(image.objects.map(Row.init) == expected.objects)
        // What was read is written again byte for byte: header, and table with free slots as zeros.
        #expect(image.header.encoded == Array(bytes[0..<128]))
        #expect(image.encodedTable == Array(bytes[4096..<4096 + 28080]))
    }

    @Test func headerOfTheWorkedExample() throws {
        let bytes: [UInt8] =
            Array("#!/usr/bin/env run-singularity\n\0".utf8)  // launch script, 32 bytes
            + [0x53, 0x49, 0x46, 0x5F, 0x4D, 0x41, 0x47, 0x49, 0x43, 0x00]  // magic "SIF_MAGIC"
            + [0x30, 0x31, 0x00]  // version "01"
            + [0x30, 0x32, 0x00]  // architecture "02", amd64
            + [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0x4C, 0xDE, 0x8F, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD]  // UUID
            + [0x00, 0xF1, 0x53, 0x65, 0, 0, 0, 0]  // created 1700000000
            + [0x01, 0xF1, 0x53, 0x65, 0, 0, 0, 0]  // modified 1700000001
            + [0x2D, 0, 0, 0, 0, 0, 0, 0]  // 45 descriptors free
            + [0x30, 0, 0, 0, 0, 0, 0, 0]  // of 48
            + [0x00, 0x10, 0, 0, 0, 0, 0, 0]  // at 4096
            + [0xB0, 0x6D, 0, 0, 0, 0, 0, 0]  // 28080 bytes of them
            + [0xB0, 0x7D, 0, 0, 0, 0, 0, 0]  // data from 32176
            + [0x50, 0x12, 0, 0, 0, 0, 0, 0]  // 4688 bytes of it
        let header = try SIFHeader(bytes.span.bytes)
        #expect(header.launch == Array("#!/usr/bin/env run-singularity\n".utf8))
        #expect(header.architecture.name == "amd64")
        #expect(header.identifier == SIFIdentifier(high: 0x0123_4567_89AB_4CDE, low: 0x8F01_2345_6789_ABCD))
        #expect([header.created, header.modified] == [1_700_000_000, 1_700_000_001])
        #expect([header.descriptorsFree, header.descriptorsTotal] == [45, 48])
        #expect([header.descriptorsOffset, header.descriptorsSize] == [4096, 28080])
        #expect([header.dataOffset, header.dataSize] == [32176, 4688])
        #expect(!header.isDeterministic)
        #expect(header.encoded == bytes)
    }

    @Test func architectures() {
        #expect((0...13).compactMap { SIFArchitecture(code: $0)?.name }.count == 14)
        #expect(SIFArchitecture(code: 14) == nil)
        #expect(SIFArchitecture(code: -1) == nil)
        #expect(SIFArchitecture(name: "arm64")?.rawValue == 0x3430)
        #expect(SIFArchitecture(name: "mips64le")?.rawValue == 0x3031)
        #expect(SIFArchitecture(name: "unknown") == nil)
        #expect(SIFArchitecture(rawValue: 0x3939).name == "unknown")
        #expect(SIFArchitecture(rawValue: 0xFF_FEFF).code == 0)
    }

    @Test func cutAtEveryByteOfHeaderAndTable() throws {
        let whole = try Vectors.bytes("worked-example.sif")
        let scratch = try Scratch()
        let file = try scratch.openFile("cut.sif", Array(whole[..<32176]))
        #expect(try SIFImage(reading: file.raw).objects.count == 3)
        for size in stride(from: 32175, through: 0, by: -1) {
            try Linux.ftruncate(file.raw, Int64(size))
            let reason = failure { _ = try SIFImage(reading: file.raw) }
            let part = size < 128 ? "reading global header" : "reading descriptors"
            let end = size == 0 || (size >= 128 && size <= 4096) ? "EOF" : "unexpected EOF"
            #expect(reason == "\(part): \(end)", "\(size) bytes")
        }
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        let name: String
        let offset: Int
        let bytes: [UInt8]
        let reason: String?
        var testDescription: String { name }
    }

    private static func slot(_ index: Int, _ field: Int) -> Int { 4096 + 585 * index + field }

    static let damages: [Damage] = [
        Damage(name: "magic", offset: 32, bytes: [0x73], reason: "invalid SIF magic"),
        Damage(name: "magic without its end", offset: 41, bytes: [1], reason: "invalid SIF magic"),
        Damage(name: "version", offset: 42, bytes: [0x30, 0x32], reason: "incompatible SIF version"),
        Damage(
            name: "total negative", offset: 88, bytes: Vectors.little(-1 as Int64),
            reason: "invalid SIF header: -1 descriptors"),
        Damage(
            name: "total huge", offset: 88, bytes: Vectors.little(65537 as Int64),
            reason: "invalid SIF header: 65537 descriptors"),
        Damage(
            name: "total beyond the table", offset: 88, bytes: Vectors.little(49 as Int64),
            reason: "reading descriptors: unexpected EOF"),
        Damage(
            name: "free negative", offset: 80, bytes: Vectors.little(-1 as Int64),
            reason: "invalid SIF header: -1 of 48 descriptors free"),
        Damage(
            name: "more free than there are", offset: 80, bytes: Vectors.little(49 as Int64),
            reason: "invalid SIF header: 49 of 48 descriptors free"),
        Damage(name: "free is only a note", offset: 80, bytes: Vectors.little(48 as Int64), reason: nil),
        Damage(
            name: "table before the file", offset: 96, bytes: Vectors.little(-4096 as Int64),
            reason: "invalid SIF header: negative offset or size"),
        Damage(
            name: "table past the end", offset: 96, bytes: Vectors.little(1 << 40 as Int64),
            reason: "reading descriptors: EOF"),
        Damage(
            name: "table at the last number", offset: 96, bytes: Vectors.little(Int64.max),
            reason: "reading descriptors: Invalid argument"),
        Damage(
            name: "table size too small", offset: 104, bytes: Vectors.little(28079 as Int64),
            reason: "reading descriptors: unexpected EOF"),
        Damage(
            name: "data offset negative", offset: 112, bytes: Vectors.little(-1 as Int64),
            reason: "invalid SIF header: negative offset or size"),
        Damage(
            name: "offset negative", offset: slot(1, 17), bytes: Vectors.little(-5 as Int64),
            reason: "invalid SIF descriptor: object 2 has offset -5 and size 17"),
        Damage(
            name: "size negative", offset: slot(1, 25), bytes: Vectors.little(-5 as Int64),
            reason: "invalid SIF descriptor: object 2 has offset 32195 and size -5"),
        Damage(
            name: "end wraps", offset: slot(1, 25), bytes: Vectors.little(Int64.max),
            reason: "invalid SIF descriptor: object 2 has offset 32195 and size 9223372036854775807"),
        Damage(
            name: "two with one ID", offset: slot(1, 5), bytes: Vectors.little(3 as UInt32),
            reason: "invalid SIF descriptor: multiple objects with ID 3"),
        Damage(
            name: "ID zero", offset: slot(1, 5), bytes: Vectors.little(0 as UInt32),
            reason: "invalid SIF descriptor: object without an ID"),
        Damage(
            name: "object past the end is listed", offset: slot(1, 17), bytes: Vectors.little(1 << 40 as Int64),
            reason: nil),
        Damage(name: "objects overlap", offset: slot(1, 17), bytes: Vectors.little(32176 as Int64), reason: nil),
        Damage(name: "any mark is used", offset: slot(1, 4), bytes: [7], reason: nil),
        Damage(name: "unknown type", offset: slot(1, 0), bytes: [0x34, 0x12], reason: nil),
    ]

    @Test(arguments: damages) func damaged(_ damage: Damage) throws {
        let scratch = try Scratch()
        let bytes = try Vectors.bytes("worked-example.sif").with([(damage.offset, damage.bytes)])
        let file = try scratch.openFile("damaged.sif", bytes)
        var count: Int?
        let reason = failure { count = try SIFImage(reading: file.raw).objects.count }
        #expect(count == (damage.reason == nil ? 3 : nil))
        #expect(reason?.lowercased() == damage.reason?.lowercased())
    }

    @Test func tableSomewhereElse() throws {
        // A table of 2 slots at the end of the file, which the first read does not reach.
        let whole = try Vectors.bytes("worked-example.sif")
        let moved =
            whole.with([
                (80, Vectors.little(0 as Int64)), (88, Vectors.little(2 as Int64)),
                (96, Vectors.little(36864 as Int64)),
                (104, Vectors.little(1170 as Int64)),
            ]) + whole[4096..<4096 + 1170]
        let scratch = try Scratch()
        let file = try scratch.openFile("moved.sif", moved)
        #expect(try SIFImage(reading: file.raw).objects.map(\.id) == [1, 2])
    }

    @Test func objectsAreReadWholeOrNotAtAll() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("short.sif", try Vectors.bytes("worked-example.sif"))
        let image = try SIFImage(reading: file.raw)
        #expect(try readObject(image.object(id: 1), of: file.raw) == Array("bootstrap: scratch\n".utf8))
        try Linux.ftruncate(file.raw, 36863)
        #expect(failure { _ = try readObject(image.object(id: 3), of: file.raw) } == "unexpected EOF")
        #expect(failure { _ = try readObject(image.object(id: 3), of: file.raw, limit: 4095) } != nil)
        #expect(failure { _ = try image.object(id: 9) } == "object not found")
        #expect(failure { _ = try image.object(id: 0) } == "invalid object ID")
    }

    @Test func randomBytesNeverTrap() throws {
        var random = SystemRandomNumberGenerator()
        let scratch = try Scratch()
        let whole = try Vectors.bytes("two-groups-signed-pgp.sif")
        let file = try scratch.openFile("random.sif", Array(whole[..<40960]))
        for _ in 0..<2000 {
            let offset = Bool.random(using: &random) ? Int.random(in: 32..<128) : Int.random(in: 4096..<4096 + 585 * 5)
            let noise = (0..<8).map { _ in UInt8.random(in: 0...255, using: &random) }
            try writeFully(file.raw, noise, at: Int64(offset))
            if let image = try? SIFImage(reading: file.raw) {
                for object in image.objects {
                    #expect(object.offset >= 0 && object.size >= 0 && object.end >= object.offset)
                    _ = object.extra
                }
                _ = image.primarySystem
            }
            try writeFully(file.raw, Array(whole[offset..<offset + 8]), at: Int64(offset))
        }
        #expect(try SIFImage(reading: file.raw).objects.count == 5)
    }
}
