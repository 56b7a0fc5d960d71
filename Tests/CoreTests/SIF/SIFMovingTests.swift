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
        for text in texts {
            try editor.add(SIFNewObject(.generic, name: String(text.prefix(20))), bytes: Array(text.utf8))
        }
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
        let offset = try editor.beginReplacement(id: 2, size: 5)
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

    /// Replaced again and again, an object goes to and fro, and the file does not grow.
    @Test func roomIsUsedAgain() throws {
        let scratch = try Scratch()
        let file = try file(scratch, ["one", String(repeating: "two", count: 100), "three"])
        func replace(_ id: UInt32, _ text: String, _ editor: inout SIFEditor) throws -> Int64 {
            let offset = try editor.beginReplacement(id: id, size: Int64(text.utf8.count))
            try editor.reserve(size: Int64(text.utf8.count))
            let room = try readBytes(file.raw, at: offset, count: text.utf8.count)
            #expect(room.allSatisfy { $0 == 0 } && room.count == text.utf8.count)
            try writeFully(file.raw, Array(text.utf8), at: offset)
            try editor.finishReplacement(size: Int64(text.utf8.count))
            return offset
        }
        var editor = try SIFEditor(opening: file.raw)
        let first = editor.image.objects[1].offset
        var lengths: [Int64] = []
        for round in 0..<6 {
            let offset = try replace(2, String(repeating: "\(round)", count: 300), &editor)
            #expect((offset == first) == (round % 2 == 1))
            try editor.commit()
            #expect(try texts(file) == ["one", String(repeating: "\(round)", count: 300), "three"])
            lengths.append(try status(of: file.raw).size)
        }
        #expect(Set(lengths).count == 2 && lengths[1] < lengths[0])
        // Room that readers still see is not free, whatever the edit has done to it.
        _ = try replace(2, String(repeating: "x", count: 280), &editor)
        try editor.delete(id: 3, reclaims: true)
        #expect(try replace(1, String(repeating: "y", count: 290), &editor) > first + 300)
        #expect(try texts(file)[1] == String(repeating: "5", count: 300))
        editor.abandon()
        #expect(try texts(file) == ["one", String(repeating: "5", count: 300), "three"])
    }

    @Test func abandoningLeavesEveryByte() throws {
        let scratch = try Scratch()
        let file = try file(scratch, ["one", "two"])
        let before = try readBytes(file.raw, at: 0, count: 1 << 20)
        var editor = try SIFEditor(opening: file.raw)
        try editor.add(SIFNewObject(.generic), bytes: [1, 2, 3])
        _ = try editor.beginReplacement(id: 1, size: 100_000)
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

    /// Headers and tables with wrong bytes anywhere: every change is made or refused, nothing traps, and what was given up leaves
    /// all that belongs to an object.
    @Test func foreignTablesAreRefusedOrKept() throws {
        var random = SeededRandom(12)
        let vector = try Vectors.bytes("worked-example.sif")
        var made = 0
        for round in 0..<600 {
            var bytes = vector
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                // The header, or one of the three slots that are used.
                let place =
                    Bool.random(using: &random)
                    ? Int.random(in: 32..<128, using: &random) : 4096 + Int.random(in: 0..<3 * 585, using: &random)
                bytes[place] =
                    [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(
                        using: &random) ?? 0
            }
            let file = try makeMemoryFile("sif", bytes)
            guard var editor = try? SIFEditor(opening: file.raw) else { continue }
            let length = try status(of: file.raw).size
            let header = editor.image.header
            let table = ByteRange(size: header.descriptorsOffset + header.tableSize)
            let ranges = [table] + editor.visible
            func kept() throws -> [[UInt8]] {
                try ranges.map { range in
                    let count = max(0, min(range.size, length - range.offset))
                    return try readBytes(file.raw, at: range.offset, count: Int(count))
                }
            }
            let before = try kept()
            for _ in 0..<3 where change(&editor, &random) { made += 1 }
            editor.abandon()
            #expect(try kept() == before, "round \(round)")
            #expect(try status(of: file.raw).size <= length, "round \(round)")
            guard var second = try? SIFEditor(opening: file.raw) else { continue }
            if change(&second, &random) { try? second.commit() }
            #expect(throws: Never.self, "round \(round)") { try SIFImage(reading: file.raw) }
        }
        #expect(made > 200)
    }

    /// Whether the change was possible.
    private func change(_ editor: inout SIFEditor, _ random: inout SeededRandom) -> Bool {
        let id = UInt32.random(in: 1...4, using: &random)
        let sizes: [Int64] = [1, 100, 5000, .max, .max - 4096]
        let size = sizes[Int.random(in: 0..<5, using: &random)]
        do throws(SkiffError) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                _ = try editor.beginObject(SIFNewObject(.generic))
                try editor.reserve(size: size)
                try editor.finishObject(size: size)
            case 1:
                _ = try editor.beginReplacement(id: id, size: size)
                try editor.reserve(size: size)
                try editor.finishReplacement(size: size)
            case 2: try editor.resize(id: id, size: size)
            default: try editor.delete(id: id, compact: true, reclaims: true)
            }
            return true
        } catch {
            editor.abandonObject()
            return false
        }
    }
}
