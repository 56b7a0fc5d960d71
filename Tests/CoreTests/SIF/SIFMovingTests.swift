import Base
import CLinux
import Linux
import TestSupport
import Testing

@testable import Core

/// Other bytes and other sizes for objects that stay.
struct SIFMovingTests {
    private func file(_ scratch: Scratch, _ texts: [String]) throws -> OwnedFD {
        let file = try scratch.openFile("m.sif")
        var editor = try SIFEditor(creating: SIFCreation(), on: file.raw)
        for text in texts { try editor.add(SIFNewObject(.generic, name: text), bytes: Array(text.utf8)) }
        try editor.commit()
        return file
    }

    private func texts(_ file: borrowing OwnedFD) throws -> [String] {
        let image = try SIFImage(reading: file.raw)
        return try image.objects.map { String(decoding: try readObject($0, of: file.raw), as: UTF8.self) }
    }

    @Test func replacementKeepsNumberAndLinks() throws {
        let scratch = try Scratch()
        let file = try file(scratch, ["one", "two", "three"])
        let before = try SIFImage(reading: file.raw)
        var editor = try SIFEditor(opening: file.raw)
        let offset = try editor.beginReplacement(id: 2)
        try editor.reserve(size: 5)
        try writeFully(file.raw, Array("other".utf8), at: offset)
        // Nobody sees it yet.
        #expect(try texts(file) == ["one", "two", "three"])
        try editor.finishReplacement(size: 5)
        #expect(try texts(file) == ["one", "two", "three"])
        try editor.commit()
        #expect(try texts(file) == ["one", "other", "three"])
        let after = try SIFImage(reading: file.raw)
        #expect(after.objects.map(\.id) == [1, 2, 3] && after.objects[1].name == Array("two".utf8))
        #expect(after.objects[1].offset == before.objects[2].end && after.header.descriptorsFree == 45)
        #expect(try readBytes(file.raw, at: before.objects[1].offset, count: 3) == [0, 0, 0])
    }

    @Test func abandoningLeavesEveryByte() throws {
        let scratch = try Scratch()
        let file = try file(scratch, ["one", "two"])
        let before = try readBytes(file.raw, at: 0, count: 1 << 20)
        var editor = try SIFEditor(opening: file.raw)
        try editor.add(SIFNewObject(.generic), bytes: [1, 2, 3])
        _ = try editor.beginReplacement(id: 1)
        try editor.reserve(size: 100_000)
        editor.abandonObject()
        #expect(try status(of: file.raw).size == Int64(before.count + 3))
        try editor.delete(id: 2, compact: true, reclaims: true)
        editor.abandon()
        #expect(try readBytes(file.raw, at: 0, count: 1 << 20) == before)
        // A killed edit of several objects is taken back as a whole.
        var killed = try SIFEditor(opening: file.raw)
        try killed.add(SIFNewObject(.generic), bytes: [1, 2, 3])
        try killed.add(SIFNewObject(.generic), bytes: [4, 5, 6])
        _ = try SIFEditor(opening: file.raw)
        #expect(try readBytes(file.raw, at: 0, count: 1 << 20) == before)
    }

    @Test func onlyTheLastObjectChangesItsSize() throws {
        let scratch = try Scratch()
        let file = try file(scratch, ["one", "two"])
        var editor = try SIFEditor(opening: file.raw)
        #expect(throws: SkiffError.self) { try editor.resize(id: 1, size: 10) }
        #expect(throws: SkiffError.self) { try editor.resize(id: 2, size: .max) }
        try editor.resize(id: 2, size: 5)
        try editor.commit()
        #expect(try texts(file) == ["one", "two\0\0"])
        try editor.resize(id: 2, size: 1)
        try editor.commit()
        #expect(try texts(file) == ["one", "t"])
        #expect(try status(of: file.raw).size == SIFImage(reading: file.raw).dataEnd)
    }

    @Test func roomThatOverlapsStays() throws {
        let scratch = try Scratch()
        let file = try file(scratch, ["one", "two", "three"])
        // A foreign table in which two objects share their bytes, and one has more than the file.
        var image = try SIFImage(reading: file.raw)
        image.objects[1].offset = image.objects[0].offset
        image.objects[1].size = 3
        image.objects[2].size = 1 << 40
        try writeFully(file.raw, image.encodedTable, at: image.header.descriptorsOffset)
        var editor = try SIFEditor(opening: file.raw)
        try editor.delete(id: 2, compact: true, reclaims: true)
        let length = try status(of: file.raw).size
        try editor.commit()
        #expect(try readObject(SIFImage(reading: file.raw).objects[0], of: file.raw) == Array("one".utf8))
        #expect(try status(of: file.raw).size == length)
    }

    @Test func nothingIsWrittenOverTheTable() throws {
        let scratch = try Scratch()
        let file = try file(scratch, [])
        var header = try SIFImage(reading: file.raw).header
        header.dataOffset = 0
        try writeFully(file.raw, header.encoded, at: 0)
        var editor = try SIFEditor(opening: file.raw)
        #expect(throws: SkiffError.self) { try editor.beginObject(SIFNewObject(.generic)) }
    }
}
