import Base
import CSquashfs
import Linux

/// Writes inodes, directories and the tables that lead to them, once all content is written.
struct TableWriter {
    private let image: OutputImage
    private let file: OutputFile
    private let records: InodeRecords
    private let inodes: OpaqueObject
    /// In memory until the inode table, which comes first in the image, is complete.
    private let listings: OpaqueObject
    private let directories: OpaqueObject

    init(_ image: OutputImage, _ records: InodeRecords) throws(SkiffError) {
        (self.image, self.records) = (image, records)
        file = image.file
        let compressor = image.compressor.pointer
        inodes = try OpaqueObject(sqfs_meta_writer_create(file.base, compressor, 0))
        listings = try OpaqueObject(
            sqfs_meta_writer_create(file.base, compressor, SQFS_META_WRITER_KEEP_IN_MEMORY.rawValue))
        directories = try OpaqueObject(
            sqfs_dir_writer_create(
                listings.pointer,
                image.options.hasExportTable ? SQFS_DIR_WRITER_CREATE_EXPORT_TABLE.rawValue : 0))
    }

    /// - Parameters:
    ///   - count: how many directories there are.
    ///   - scanned: returns each of them, parents before children; the first is the root, with record 0.
    /// - Returns: the reference of the root.
    func write(_ count: Int, _ scanned: (Int) -> ScannedDirectory) throws(SkiffError) -> UInt64 {
        image.superblock.inode_table_start = file.size
        // An entry needs to know where its inode lies: children come first.
        for index in (0..<count).reversed() {
            let directory = scanned(index)
            for entry in directory.entries where records[entry.record].place != nil { try writeFile(entry.record) }
            try writeDirectory(directory, isRoot: directory.record == directory.parent)
        }
        try file.check(sqfs_meta_writer_flush(inodes.pointer))
        image.superblock.directory_table_start = file.size
        try file.check(sqfs_meta_writer_flush(listings.pointer))
        try file.check(sqfs_meta_write_write_to_file(listings.pointer))
        return try writeIndexes(root: 0)
    }

    private func writeIndexes(root: Int) throws(SkiffError) -> UInt64 {
        let compressor = image.compressor.pointer
        let reference = records[root].reference
        try file.check(sqfs_frag_table_write(image.fragments.pointer, file.base, &image.superblock, compressor))
        try file.check(
            sqfs_dir_writer_write_export_table(
                directories.pointer, file.base, compressor, UInt32(root + 1), reference, &image.superblock))
        return reference
    }

    /// Writes the inode of anything but a directory.
    private func writeFile(_ index: Int) throws(SkiffError) {
        defer { records.release(index) }
        guard let inode = records[index].place?.pointee else { return }
        let record = records[index]
        let isFile = record.mode & 0o170000 == 0o100000
        if record.xattrs != InodeRecord.none || (isFile && record.links > 1) {
            try file.check(sqfs_inode_make_extended(inode))
        }
        if record.xattrs != InodeRecord.none { try file.check(sqfs_inode_set_xattr_index(inode, record.xattrs)) }
        switch UInt32(inode.pointee.base.type) {
        case SQFS_INODE_FILE.rawValue: break
        case SQFS_INODE_EXT_FILE.rawValue: inode.pointee.data.file_ext.nlink = record.links
        // In all other records the count is the first member.
        default: inode.pointee.data.ipc.nlink = record.links
        }
        try write(inode, index)
    }

    private func writeDirectory(_ directory: ScannedDirectory, isRoot: Bool) throws(SkiffError) {
        let writer = directories.pointer
        try file.check(sqfs_dir_writer_begin(writer, 0))
        var links: UInt32 = 2
        for (name, record) in directory.entries {
            let text = name.map { CChar(bitPattern: $0) } + [0]
            let child = records[record]
            if child.isDirectory { links += 1 }
            try file.check(
                sqfs_dir_writer_add_entry(writer, text, UInt32(record + 1), child.reference, child.mode))
        }
        try file.check(sqfs_dir_writer_end(writer))
        // Nothing is above the root: as its parent it has one more than the highest number.
        let parent = isRoot ? records.count : directory.parent
        let made = sqfs_dir_writer_create_inode(writer, 0, records[directory.record].xattrs, UInt32(parent + 1))
        guard let inode = made else { throw SkiffError("cannot write the image", errno: .noMemory) }
        defer { free(inode) }
        if UInt32(inode.pointee.base.type) == SQFS_INODE_DIR.rawValue {
            inode.pointee.data.dir.nlink = links
        } else {
            inode.pointee.data.dir_ext.nlink = links
        }
        try write(inode, directory.record)
    }

    private func write(_ inode: UnsafeMutablePointer<sqfs_inode_generic_t>, _ index: Int) throws(SkiffError) {
        let record = records[index]
        inode.pointee.base.mode = record.mode
        inode.pointee.base.uid_idx = record.userIndex
        inode.pointee.base.gid_idx = record.groupIndex
        inode.pointee.base.mod_time = record.modified
        inode.pointee.base.inode_number = UInt32(index + 1)
        var block: UInt64 = 0
        var offset: UInt32 = 0
        sqfs_meta_writer_get_position(inodes.pointer, &block, &offset)
        records[index].reference = block << 16 | UInt64(offset)
        try file.check(sqfs_meta_writer_write_inode(inodes.pointer, inode))
    }
}
