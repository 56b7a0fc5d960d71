import Base
import CSquashfs

/// Makes the records of files, and puts owners and attributes into the tables of the image.
struct RecordMaker {
    private let image: OutputImage
    /// The latest time in the image.
    private(set) var newest: UInt32 = 0

    init(_ image: OutputImage) { self.image = image }

    mutating func make(mode: UInt32, uid: UInt32, gid: UInt32, modified: Int64, xattrs: [TreeEntry.Xattr])
        throws(SkiffError) -> InodeRecord
    {
        var time = UInt32(clamping: modified)
        if let latest = image.options.latestTime { time = min(time, latest) }
        newest = max(newest, time)
        return InodeRecord(
            mode: UInt16(truncatingIfNeeded: mode), userIndex: try identity(image.options.allRoot ? 0 : uid),
            groupIndex: try identity(image.options.allRoot ? 0 : gid), modified: time, xattrs: try store(xattrs))
    }

    private func identity(_ id: UInt32) throws(SkiffError) -> UInt16 {
        var index: UInt16 = 0
        let status = sqfs_id_table_id_to_index(image.identities.pointer, id, &index)
        if SQFS_ERROR(status) == SQFS_ERROR_OVERFLOW {
            throw SkiffError("cannot write the image: its files have more than 65536 different owners")
        }
        try image.file.check(status)
        return index
    }

    private func store(_ xattrs: [TreeEntry.Xattr]) throws(SkiffError) -> UInt32 {
        var index = InodeRecord.none
        guard image.options.xattrs == .standard, !xattrs.isEmpty else { return index }
        let writer = image.xattrs.pointer
        try image.file.check(sqfs_xattr_writer_begin(writer, 0))
        for attribute in xattrs.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
            let name = attribute.name.map { CChar(bitPattern: $0) } + [0]
            try image.file.check(sqfs_xattr_writer_add(writer, name, attribute.value, attribute.value.count))
        }
        try image.file.check(sqfs_xattr_writer_end(writer, &index))
        return index
    }
}
