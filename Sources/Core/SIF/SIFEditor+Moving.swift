package import Base
import Linux

/// Other bytes, or another size, for objects that stay: number, place in the table and all that links to them.
extension SIFEditor {
    /// Chooses the place of an object's new bytes, behind all others, and returns where it is. What the object has now
    /// stays where it is until `commit()`.
    ///
    /// `finishReplacement` enters the place in the table.
    package mutating func beginReplacement(id: UInt32) throws(SkiffError) -> Int64 {
        guard begun == nil else { throw SkiffError("cannot begin an object: another one is not finished") }
        let object = try image.object(id: id)
        guard let index = image.objects.firstIndex(of: object) else { throw SkiffError("object not found") }
        return try begin(SIFNewObject(object.type, group: object.group), slot: image.slots[index])
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
        image.header.dataSize = begun.unaligned - image.header.dataOffset + image.objects[index].paddedSize
        image.header.modified = time
        self.begun = nil
    }

    /// Makes room for the bytes of what was begun: zeros, and nothing behind them.
    package mutating func reserve(size: Int64) throws(SkiffError) {
        guard let begun else { throw SkiffError("cannot make room for an object: none was begun") }
        let (end, overflow) = begun.offset.addingReportingOverflow(size)
        guard size >= 0, !overflow else { throw SkiffError("cannot make an object of \(size) bytes") }
        let length = try length()
        try during("cannot write the SIF file") { () throws(Errno) in
            // What lies behind the last object belongs to none.
            if length > begun.offset { try ftruncate(file, begun.offset) }
            try ftruncate(file, end)
        }
    }

    /// Changes the size of the object that lies last: zeros are added at its end, or its end is cut off.
    package mutating func resize(id: UInt32, size: Int64) throws(SkiffError) {
        let object = try image.object(id: id)
        guard let index = image.objects.firstIndex(of: object), object.end == image.dataEnd,
            !image.objects.contains(where: { $0.id != id && $0.end > object.offset })
        else { throw SkiffError("cannot change the size of object \(id): it is not the last one of the file") }
        // Begun and finished like one that is added, so that a killed edit is noticed.
        let (end, overflow) = object.offset.addingReportingOverflow(size)
        guard size >= 0, !overflow else { throw SkiffError("cannot make object \(id) \(size) bytes large") }
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
        let padding = object.paddedSize - object.size
        image.objects[index].size = size
        image.objects[index].paddedSize = max(0, padding) + size
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
