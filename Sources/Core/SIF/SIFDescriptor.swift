package import Linux

/// One object of a SIF file as described by its table; Docs/spec/sif.md §4.
package struct SIFDescriptor: Sendable, Equatable {
    package var type: SIFDataType
    /// Slot in the table + 1 in every file that a tool wrote.
    package var id: UInt32
    /// As stored, with the mark in the upper bits; `group` is the number.
    package var storedGroup: UInt32
    package var storedLink: UInt32
    /// From the start of the file, in bytes, like all offsets.
    package var offset: Int64
    package var size: Int64
    /// Includes the gap before it; only a note of the writer.
    package var paddedSize: Int64
    /// Unix seconds, like `modified`.
    package var created: Int64
    package var modified: Int64
    /// The owner that old writers stored. Ours is 0; signatures cover whatever is there.
    package var uid: Int64
    package var gid: Int64
    /// Without trailing zeros: 128 bytes at most, no encoding promised.
    package var name: [UInt8]
    /// The type-specific bytes, without trailing zeros: 384 at most. `extra` tells what they mean.
    package var storedExtra: [UInt8]

    package init(
        type: SIFDataType, id: UInt32, group: UInt32, link: SIFLink, offset: Int64, size: Int64, paddedSize: Int64,
        time: Int64, name: [UInt8], extra: SIFExtra
    ) {
        self.type = type
        self.id = id
        storedGroup = group | SIFLink.groupMark
        storedLink = link.stored
        self.offset = offset
        self.size = size
        self.paddedSize = paddedSize
        created = time
        modified = time
        uid = 0
        gid = 0
        self.name = name
        storedExtra = extra.encoded
    }

    /// 0 is "no group".
    package var group: UInt32 { storedGroup & SIFLink.numberMask }
    package var link: SIFLink { SIFLink(stored: storedLink) }
    /// Where the object ends; the reader has checked that it is a number.
    package var range: ByteRange { ByteRange(offset: offset, size: size) }
    package var end: Int64 { offset &+ size }
    package var extra: SIFExtra { SIFExtra(type: type, stored: storedExtra) }

    /// The partition's facts; nil for other objects.
    package var partition: SIFExtra.Partition? {
        if case .partition(let facts) = extra { facts } else { nil }
    }

    package var isPrimarySystem: Bool { partition?.role == .primarySystem }
}

extension SIFDescriptor {
    /// Reads a slot of the table; nil when it is free.
    @_lifetime(reader: copy reader)
    init?(_ reader: inout ByteReader) throws(ByteReader.Truncated) {
        type = SIFDataType(rawValue: try reader.i32())
        let isUsed = try reader.u8() != 0
        if !isUsed {
            try reader.skip(SIFFormat.descriptorSize - 5)
            return nil
        }
        id = try reader.u32()
        storedGroup = try reader.u32()
        storedLink = try reader.u32()
        offset = try reader.i64()
        size = try reader.i64()
        paddedSize = try reader.i64()
        created = try reader.i64()
        modified = try reader.i64()
        uid = try reader.i64()
        gid = try reader.i64()
        name = try reader.trimmed(SIFFormat.nameSize)
        storedExtra = try reader.trimmed(SIFFormat.extraSize)
    }

    /// Appends the 585 bytes of the slot.
    func encode(into writer: inout ByteWriter) {
        writer.i32(type.rawValue)
        writer.u8(1)
        for number in [id, storedGroup, storedLink] { writer.u32(number) }
        for number in [offset, size, paddedSize, created, modified, uid, gid] { writer.i64(number) }
        writer.padded(name, to: SIFFormat.nameSize)
        writer.padded(storedExtra, to: SIFFormat.extraSize)
    }
}
