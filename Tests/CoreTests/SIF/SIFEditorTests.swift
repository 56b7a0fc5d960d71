import CLinux
import Linux
import TestSupport
import Testing

@testable import Core

struct SIFEditorTests {
    private static let squashfs = SIFFilesystem.squashfs

    private func bytes(of file: borrowing OwnedFD) throws -> [UInt8] {
        try readBytes(file.raw, at: 0, count: Int(try status(of: file.raw).size))
    }

    @Test func workedExampleByteForByte() throws {
        let vector = try Vectors.bytes("worked-example.sif")
        let scratch = try Scratch()
        let file = try scratch.openFile("w.sif")
        var creation = SIFCreation()
        creation.identifier = SIFIdentifier(high: 0x0123_4567_89AB_4CDE, low: 0x8F01_2345_6789_ABCD)
        creation.time = 1_700_000_000
        var editor = try SIFEditor(creating: creation, on: file.raw)
        try editor.add(SIFNewObject(.definition), bytes: Array("bootstrap: scratch\n".utf8))
        try editor.add(
            SIFNewObject(.genericJSON, name: "inspect-metadata.json"), bytes: Array(#"{"hello":"skiff"}"#.utf8))
        // As the squashfs writer does, which writes into the file itself.
        let offset = try editor.beginObject(
            .partition(.squashfs, .primarySystem, SIFArchitecture(name: "amd64") ?? .unknown))
        #expect(offset == 32768)
        try writeFully(file.raw, Array(vector[32768...]), at: offset)
        #expect(try editor.finishObject(size: 4096).id == 3)
        try editor.commit()
        #expect(try bytes(of: file) == vector)
    }

    @Test func oneGroupByteForByte() throws {
        let vector = try Vectors.bytes("one-group.sif")
        let scratch = try Scratch()
        let file = try scratch.openFile("o.sif")
        var creation = SIFCreation()
        creation.isDeterministic = true
        creation.launchScript = ""
        let architecture = SIFArchitecture(name: "386") ?? .unknown
        var editor = try SIFEditor(creating: creation, on: file.raw)
        try editor.add(.partition(.raw, .system, architecture), bytes: Array(vector[32768..<32772]))
        try editor.add(.partition(.squashfs, .primarySystem, architecture), bytes: Array(vector[36864...]))
        try editor.commit()
        #expect(try bytes(of: file) == vector)
    }

    @Test func randomIdentifiers() throws {
        let first = try SIFIdentifier.random()
        let second = try SIFIdentifier.random()
        #expect(first != second)
        for text in [first.description, second.description] {
            let characters = Array(text)
            #expect(characters.count == 36 && characters[14] == "4" && "89ab".contains(characters[19]))
        }
    }

    @Test func newFileIsNowAndEmpty() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("n.sif")
        let before = currentTime()
        var editor = try SIFEditor(creating: SIFCreation(), on: file.raw)
        try editor.commit()
        let header = try SIFImage(reading: file.raw).header
        #expect(header.created >= before && header.created <= currentTime() && header.modified == header.created)
        #expect(header.identifier != .zero)
        #expect(header.architecture.name == "unknown")
        #expect([header.descriptorsFree, header.dataSize, try status(of: file.raw).size] == [48, 0, 32176])
    }

    @Test func placementAndAlignment() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("p.sif")
        var editor = try SIFEditor(creating: SIFCreation(), on: file.raw)
        func place(_ object: SIFNewObject, _ size: Int) throws -> [Int64] {
            let added = try editor.add(object, bytes: [UInt8](repeating: 1, count: size))
            return [added.offset, added.paddedSize, editor.image.header.dataSize]
        }
        let data = SIFNewObject.partition(.raw, .data, .host)
        var hundred = SIFNewObject(.generic)
        hundred.alignment = 100
        var none = SIFNewObject(.generic)
        none.alignment = -4
        #expect(try place(SIFNewObject(.generic), 5) == [32176, 5, 5])
        #expect(try place(data, 5) == [32768, 592, 597])
        #expect(try place(data, 4096) == [36864, 8187, 8784])
        #expect(try place(SIFNewObject(.generic), 0) == [40960, 0, 8784])
        #expect(try place(hundred, 1) == [41000, 41, 8825])
        #expect(try place(none, 3) == [41001, 3, 8828])
        var far = SIFNewObject(.generic)
        far.alignment = Int64.max
        #expect(try editor.beginObject(far) == Int64.max)
        #expect(failure { try editor.finishObject(size: 1) } == "cannot finish an object of 1 bytes")
    }

    @Test func refusedObjects() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("r.sif")
        var creation = SIFCreation()
        creation.capacity = 2
        var editor = try SIFEditor(creating: creation, on: file.raw)
        func refusal(_ object: SIFNewObject) -> String? { failure { try editor.add(object, bytes: [1]) } }
        #expect(refusal(.partition(.raw, .system, .unknown)) == "unknown architecture: unknown")
        #expect(
            refusal(SIFNewObject(.generic, name: String(repeating: "x", count: 129))) == "name value too large")
        #expect(refusal(SIFNewObject(.generic, name: String(repeating: "x", count: 128))) == nil)
        #expect(refusal(.partition(.raw, .primarySystem, .host)) == nil)
        #expect(
            refusal(SIFNewObject(.generic)) == "insufficient descriptor capacity to add data object(s) to image")
        #expect(editor.image.objects.count == 2)
        try editor.commit()
        #expect(try SIFImage(reading: file.raw).objects.first?.name.count == 128)
        creation.launchScript = String(repeating: "x", count: 32)
        #expect(failure { _ = try SIFEditor(creating: creation, on: file.raw) } == "launch script value too large")
    }

    @Test func onlyOneRootAndNoHalfObjects() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("h.sif", try Vectors.bytes("worked-example.sif"))
        let before = try bytes(of: file)
        var editor = try SIFEditor(opening: file.raw)
        #expect(
            failure { _ = try editor.beginObject(.partition(.raw, .primarySystem, .host)) }
                == "image already contains a primary partition")
        #expect(failure { try editor.finishObject(size: 0) } == "cannot finish an object: none was begun")
        _ = try editor.beginObject(SIFNewObject(.generic))
        #expect(failure { _ = try editor.beginObject(SIFNewObject(.generic)) } != nil)
        #expect(
            failure { try editor.finishObject(size: 9) }
                == "cannot finish an object of 9 bytes: the file has only 0 of them")
        // Begun and not finished, as a killed edit leaves it: the length is recorded for the next edit.
        #expect(try bytes(of: file) != before)
        _ = try SIFEditor(opening: file.raw)
        #expect(try bytes(of: file) == before)
        editor.abandonObject()
        #expect(try bytes(of: file) == before)
    }

    @Test func deterministicImagesStayWithoutTimes() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("d.sif", try Vectors.bytes("one-group.sif"))
        var editor = try SIFEditor(opening: file.raw)
        try editor.add(SIFNewObject(.generic, group: 0), bytes: [1, 2, 3])
        try editor.setPrimary(id: 1)
        try editor.delete(id: 2)
        try editor.commit()
        let image = try SIFImage(reading: file.raw)
        #expect(image.header.isDeterministic)
        #expect(image.objects.map(\.id) == [1, 3])
        #expect(image.objects.allSatisfy { $0.created == SIFFormat.zeroTime && $0.modified == SIFFormat.zeroTime })
        #expect(image.objects.last?.group == 0 && image.objects.last?.storedGroup == 0xF000_0000)
        // Nothing else differs: an image with a time gets a new one.
        let timed = try scratch.openFile("t.sif", try Vectors.bytes("worked-example.sif"))
        var other = try SIFEditor(opening: timed.raw)
        try other.delete(id: 1)
        try other.commit()
        #expect(try SIFImage(reading: timed.raw).header.modified >= 1_700_000_001)
        #expect(try SIFImage(reading: timed.raw).header.created == 1_700_000_000)
    }

    @Test func changesOfTheRoot() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("c.sif", try Vectors.bytes("two-groups-signed-pgp.sif"))
        var editor = try SIFEditor(opening: file.raw)
        #expect(failure { try editor.setPrimary(id: 4) } == "data object not a partition")
        #expect(failure { try editor.setPrimary(id: 9) } == "object not found")
        try editor.setPrimary(id: 2)
        #expect(editor.image == (try SIFImage(reading: file.raw)))
        editor.time = 77
        try editor.setPrimary(id: 3)
        try editor.commit()
        let image = try SIFImage(reading: file.raw)
        #expect(image.objects.map { $0.partition?.role } == [.system, .system, .primarySystem, nil, nil])
        #expect(image.objects.map(\.modified) == [SIFFormat.zeroTime, 77, 77, SIFFormat.zeroTime, SIFFormat.zeroTime])
        #expect(image.header.architecture.name == "amd64" && image.header.modified == 77)
        try editor.delete(id: 3)
        #expect(editor.image.header.architecture == .unknown)
        try editor.delete(id: 1)
        #expect(failure { try editor.setPrimary(id: 1) } == "object not found")
    }

    struct Deletion: Sendable, CustomTestStringConvertible {
        let ids: [UInt32]
        let zero: Bool
        let compact: Bool
        /// Of the file, and what the header says of the data.
        let size: Int64
        let dataSize: Int64
        var testDescription: String { "\(ids) zero: \(zero) compact: \(compact)" }
    }

    /// one-group.sif: objects at 32768 (4 bytes) and 36864 (4096 bytes). Cutting never moves an object.
    @Test(arguments: [
        Deletion(ids: [1], zero: false, compact: false, size: 40960, dataSize: 8784),
        Deletion(ids: [1], zero: true, compact: false, size: 40960, dataSize: 8784),
        Deletion(ids: [1], zero: false, compact: true, size: 40960, dataSize: 8784),
        Deletion(ids: [2], zero: false, compact: false, size: 40960, dataSize: 8784),
        Deletion(ids: [2], zero: true, compact: false, size: 40960, dataSize: 8784),
        Deletion(ids: [2], zero: true, compact: true, size: 32772, dataSize: 596),
        Deletion(ids: [1, 2], zero: false, compact: true, size: 32176, dataSize: 0),
    ]) func deletion(_ deletion: Deletion) throws {
        let vector = try Vectors.bytes("one-group.sif")
        let places: [UInt32: Range<Int>] = [1: 32768..<32772, 2: 36864..<40960]
        let scratch = try Scratch()
        let file = try scratch.openFile("x.sif", vector)
        var editor = try SIFEditor(opening: file.raw)
        for id in deletion.ids { try editor.delete(id: id, zero: deletion.zero, compact: deletion.compact) }
        try editor.commit()
        var expected = vector
        for id in deletion.ids {
            let slot = 4096 + 585 * (Int(id) - 1)
            expected.replaceSubrange(slot..<slot + 585, with: repeatElement(0, count: 585))
            if deletion.zero, let place = places[id] {
                expected.replaceSubrange(place, with: repeatElement(0, count: place.count))
            }
        }
        if deletion.ids.contains(2) { expected[46] = 0x30 }
        expected = expected.with([
            (80, Vectors.little(Int64(46 + deletion.ids.count))), (120, Vectors.little(deletion.dataSize)),
        ])
        #expect(try bytes(of: file) == Array(expected[..<Int(deletion.size)]))
    }

    @Test func freedSlotsAndTrailingBytesAreUsedAgain() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("f.sif", try Vectors.bytes("worked-example.sif"))
        var editor = try SIFEditor(opening: file.raw)
        try editor.delete(id: 3)
        try editor.delete(id: 1)
        // Before that, readers still see what lies there.
        try editor.commit()
        let added = try editor.add(SIFNewObject(.generic), bytes: [9, 9])
        #expect(added.id == 1 && added.offset == 32212)
        try editor.commit()
        let image = try SIFImage(reading: file.raw)
        #expect(image.objects.map(\.id) == [1, 2])
        #expect(image.header.dataSize == 38)
        // What came after stays: nobody may take the length of the file for the end of the data.
        #expect(try status(of: file.raw).size == 36864)
    }

    @Test func digestsOfOCIObjects() throws {
        let scratch = try Scratch()
        let file = try scratch.openFile("b.sif", try Vectors.bytes("one-object-oci-blob.sif"))
        var editor = try SIFEditor(opening: file.raw)
        let digest = "sha256:" + String(repeating: "0", count: 64)
        try editor.setDigest(digest, id: 1)
        try editor.commit()
        #expect(try SIFImage(reading: file.raw).object(id: 1).extra == .digest(Array(digest.utf8)))
        #expect(failure { try editor.setDigest(digest, id: 2) } == "object not found")
    }

    @Test func foreignFieldsSurviveAnEdit() throws {
        // Owners and names of old writers are signed; bytes that we do not understand are not ours to change.
        let vector = try Vectors.bytes("apptainer-one-group-signed-pgp.sif")
        let odd = vector.with([
            (45, [0x39, 0x39, 0]), (4096 + 73, [0x61, 0, 0x62]), (4096 + 201 + 380, [1, 2, 3, 4]),
        ])
        let scratch = try Scratch()
        let file = try scratch.openFile("s.sif", odd)
        var editor = try SIFEditor(opening: file.raw)
        editor.time = editor.image.header.modified
        try editor.add(SIFNewObject(.generic), bytes: [])
        try editor.delete(id: 4)
        try editor.commit()
        #expect(try bytes(of: file) == odd)
    }
}
