import Base
import CSquashfs

/// What is kept about every file until the tables are written: about 100 bytes.
struct InodeRecord {
    /// Type and permissions, as stat(2) has them.
    var mode: UInt16
    var userIndex: UInt16
    var groupIndex: UInt16
    var modified: UInt32
    /// `none` or an index of the xattr table.
    var xattrs: UInt32
    var links: UInt32 = 1
    /// Where the inode lies in its table, once written.
    var reference: UInt64 = 0
    /// The pointer to the inode of anything but a directory. The block processor fills in the inodes of files in its
    /// own threads and moves them, so the pointer itself must stay where it is.
    var place: UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>?

    static let none = UInt32.max
    var isDirectory: Bool { mode & 0o170000 == 0o040000 }
}

/// All inodes; the number of one is its index plus 1.
final class InodeRecords {
    private(set) var records: [InodeRecord] = []

    var count: Int { records.count }

    func append(_ record: InodeRecord) throws(SkiffError) -> Int {
        guard records.count < Int(Int32.max) else { throw SkiffError("cannot write the image: too many files") }
        records.append(record)
        return records.count - 1
    }

    subscript(index: Int) -> InodeRecord {
        get { records[index] }
        set { records[index] = newValue }
    }

    /// Frees the inode of a record that has been written.
    func release(_ index: Int) {
        guard let place = records[index].place else { return }
        free(place.pointee)
        place.deallocate()
        records[index].place = nil
    }

    deinit {
        for record in records {
            guard let place = record.place else { continue }
            free(place.pointee)
            place.deallocate()
        }
    }
}

/// A directory with its entries.
struct ScannedDirectory {
    var record: Int
    var parent: Int
    /// Sorted by the bytes of the names.
    var entries: [(name: [UInt8], record: Int)] = []
}
