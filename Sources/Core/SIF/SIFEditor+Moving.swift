package import Base
import Linux

/// Other bytes, or another size, for objects that stay: number, place in the table and all that links to them.
extension SIFEditor {
    /// Chooses the place of an object's new bytes, and returns where it is: between others, where a replaced or deleted
    /// object has left room enough, else behind all. What the object has now stays where it is until `commit()`.
    ///
    /// `reserve` makes the room, `finishReplacement` enters the place in the table.
    package mutating func beginReplacement(id: UInt32, size: Int64) throws(SkiffError) -> Int64 {
        guard begun == nil else { throw SkiffError("cannot begin an object: another one is not finished") }
        let object = try image.object(id: id)
        guard let index = image.objects.firstIndex(of: object) else { throw SkiffError("object not found") }
        let new = SIFNewObject(object.type, group: object.group)
        return try begin(new, slot: image.slots[index], gap: try gap(for: new, size: size))
    }

    /// Returns where the first gap between objects begins that an object fits into. What readers still see is no gap.
    private func gap(for object: SIFNewObject, size: Int64) throws(SkiffError) -> Int64? {
        let used = (visible + image.objects.map(\.range)).sorted { $0.offset < $1.offset }
        let length = try length()
        var start = max(image.header.descriptorsOffset + image.header.tableSize, Int64(SIFFormat.headerSize))
        for range in used {
            let end = min(range.offset, length)
            if start < end, let offset = try? Self.roundedUp(start, to: object.effectiveAlignment), offset < end,
                end - offset >= size
            {
                return start
            }
            // The reader has checked that it is a number.
            start = max(start, range.offset + range.size)
        }
        return nil
    }

    /// - Parameter size: bytes that were written at the offset from `beginReplacement`.
    package mutating func finishReplacement(size: Int64) throws(SkiffError) {
        let begun = try checkWritten(size)
        guard let index = image.slots.firstIndex(of: begun.slot) else { throw SkiffError("object not found") }
        abandoned.append(image.objects[index].range)
        image.objects[index].offset = begun.offset
        image.objects[index].size = size
        image.objects[index].paddedSize = begun.offset - begun.unaligned + size
        image.objects[index].modified = time
        image.header.dataSize = max(0, image.dataEnd - image.header.dataOffset)
        image.header.modified = time
        cutsTail = true
        self.begun = nil
    }

    /// Makes room for the bytes of what was begun: zeros, and nothing behind the last object.
    ///
    /// - Returns: how long the file is then.
    @discardableResult
    package mutating func reserve(size: Int64) throws(SkiffError) -> Int64 {
        guard let begun else { throw SkiffError("cannot make room for an object: none was begun") }
        let (end, overflow) = begun.offset.addingReportingOverflow(size)
        guard size >= 0, !overflow else { throw SkiffError("cannot make an object of \(size) bytes") }
        let length = try length()
        if begun.isGap {
            try overwriteWithZeros(ByteRange(offset: begun.offset, size: size), "the SIF file")
            return length
        }
        try during("cannot write the SIF file") { () throws(Errno) in
            // What lies behind the last object belongs to none.
            if length > begun.offset { try ftruncate(file, begun.offset) }
            try ftruncate(file, end)
        }
        return end
    }

    /// Changes the size of the object that lies last: zeros are added at its end, or its end is cut off.
    package mutating func resize(id: UInt32, size: Int64) throws(SkiffError) {
        let object = try image.object(id: id)
        let isCut = size <= object.size
        guard let index = image.objects.firstIndex(of: object), object.end == image.dataEnd,
            isCut || object.end >= visibleEnd,
            !image.objects.contains(where: { $0.id != id && $0.end > object.offset })
        else { throw SkiffError("cannot change the size of object \(id): it is not the last one of the file") }
        // Begun and finished like one that is added, so that a killed edit is noticed.
        let limit = Int64.max - SIFFormat.partitionAlignment
        let (end, overflow) = object.offset.addingReportingOverflow(size)
        guard size >= 0, size <= limit, !overflow else {
            throw SkiffError("cannot make object \(id) \(size) bytes large")
        }
        if size > object.size {
            _ = try begin(SIFNewObject(object.type, alignment: 1), slot: image.slots[index])
            let grown = size - object.size
            do throws(SkiffError) {
                try reserve(size: grown)
                _ = try checkWritten(grown)
            } catch {
                abandonObject()
                throw error
            }
            begun = nil
        } else {
            cutsTail = true
        }
        // Only a note of the writer: a foreign one can be any number.
        let (padding, isNone) = object.paddedSize.subtractingReportingOverflow(object.size)
        let isPadding = !isNone && (0...SIFFormat.partitionAlignment).contains(padding)
        image.objects[index].size = size
        image.objects[index].paddedSize = size + (isPadding ? padding : 0)
        image.objects[index].modified = time
        image.header.dataSize = max(0, end - image.header.dataOffset)
        image.header.modified = time
    }

    /// Gives the room of bytes that are in no object back to the file system, where it can: holes in the middle of the
    /// file. Whatever overlaps an object stays, so that a table with errors costs nothing.
    mutating func giveUpAbandonedRoom() {
        for range in abandoned {
            let isUsed = image.objects.contains { $0.offset < range.offset + range.size && range.offset < $0.end }
            let start = image.header.descriptorsOffset + image.header.tableSize
            if isUsed || range.size <= 0 || range.offset < max(start, Int64(SIFFormat.headerSize)) { continue }
            if let length = try? length(), range.offset + range.size <= length {
                try? punchHole(file, offset: range.offset, size: range.size)
            }
        }
        abandoned = []
    }
}
