package import Base
import CSquashfs
import Linux

/// Writes a squashfs image whose files come in any order: first the content of all of them, one after another, then the
/// tree that they belong to. Content that no file of the tree uses stays in the image as waste.
///
/// The same contents in the same order and the same tree give the same bytes.
package final class SquashfsAssembly {
    private let file: OutputFile
    private let image: OutputImage
    private let content: ContentWriter
    private let records = InodeRecords()
    /// Where libsquashfs keeps the inodes of contents until the tree takes them over.
    private var places: [InodePlace?] = []

    typealias InodePlace = UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>

    /// See `SquashfsWriter.init`.
    package init(output: SquashfsOutput, options: SquashfsOptions = SquashfsOptions()) throws(SkiffError) {
        file = try OutputFile(output, options)
        image = try OutputImage(file, options)
        content = ContentWriter(image)
    }

    package convenience init(output: CInt, offset: Int64, options: SquashfsOptions = SquashfsOptions())
        throws(SkiffError)
    {
        try self.init(output: SquashfsOutput(file: output, offset: offset), options: options)
    }

    deinit {
        for case let place? in places {
            free(place.pointee)
            place.deallocate()
        }
    }

    /// Begins a file; the one before it must have ended.
    package func begin() throws(SkiffError) -> SquashfsContent {
        let place = InodePlace.allocate(capacity: 1)
        place.initialize(to: nil)
        places.append(place)
        try content.begin(place)
        return SquashfsContent(number: places.count - 1)
    }

    package func append(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) { try content.append(bytes) }

    package func append(_ bytes: [UInt8]) throws(SkiffError) { try content.append(bytes) }

    /// Appends zeros, for which nothing is stored.
    package func appendHole(_ count: Int64) throws(SkiffError) { try content.appendHole(count) }

    package func end() throws(SkiffError) { try content.end() }

    /// Writes the tree and the tables.
    /// - Returns: the length of the image with its padding, in bytes, a multiple of 4096.
    package func finish(_ nodes: some SquashfsNodes) throws(SkiffError) -> Int64 {
        var listing = NodeListing(nodes: nodes, maker: RecordMaker(image))
        try listing.scan(records) { node throws(SkiffError) in try self.place(node) }
        try content.finish()
        let root = try TableWriter(image, records).write(listing.directories.count) { listing.directory($0) }
        try image.finish(records, root: root, newest: listing.maker.newest)
        return try file.finish()
    }

    /// Returns the inode of anything but a directory.
    private func place(_ node: SquashfsNode) throws(SkiffError) -> InodePlace {
        if node.mode & 0o170000 == 0o100000 {
            let number: Int
            if let content = node.content { number = content.number } else { number = try emptyFile() }
            guard places.indices.contains(number), let place = places[number] else {
                throw SkiffError("cannot write the image: a file's content was given away before")
            }
            places[number] = nil
            return place
        }
        let place = InodePlace.allocate(capacity: 1)
        place.initialize(to: SpecialInode.make(mode: node.mode, device: node.device, target: node.target))
        if place.pointee == nil {
            place.deallocate()
            throw SkiffError("cannot write the image", errno: .noMemory)
        }
        return place
    }

    private func emptyFile() throws(SkiffError) -> Int {
        let content = try begin()
        try end()
        return content.number
    }
}

/// Numbers the entries of a tree: a directory's files before what its directories hold, all in the order of their names.
/// Entries are asked for again when the directory is written, so that no list of them is kept.
private struct NodeListing<Nodes: SquashfsNodes> {
    struct Directory {
        let node: UInt32
        let record: Int
        let parent: Int
        /// The record of the first entry; those of the others follow, except further names of a file.
        var first = 0
    }

    let nodes: Nodes
    var maker: RecordMaker
    /// Parents before children.
    private(set) var directories: [Directory] = []
    private var shared: [UInt32: Int] = [:]
    /// Entries that are further names of a file with an earlier record.
    private var further: [UInt32: Int] = [:]

    init(nodes: Nodes, maker: RecordMaker) { (self.nodes, self.maker) = (nodes, maker) }

    mutating func scan(
        _ records: InodeRecords, _ place: (SquashfsNode) throws(SkiffError) -> SquashfsAssembly.InodePlace
    ) throws(SkiffError) {
        let root = try records.append(try record(nodes.node(0)))
        var pending = [Directory(node: 0, record: root, parent: root)]
        while var directory = pending.popLast() {
            directory.first = records.count
            var below: [Directory] = []
            for (_, number) in nodes.entries(of: directory.node) {
                let node = nodes.node(number)
                if let name = node.shared, let known = shared[name] {
                    records[known].links += 1
                    further[number] = known
                    continue
                }
                let index = try records.append(try record(node))
                if let name = node.shared { shared[name] = index }
                if records[index].isDirectory {
                    below.append(Directory(node: number, record: index, parent: directory.record))
                } else {
                    records[index].place = try place(node)
                }
            }
            directories.append(directory)
            pending.append(contentsOf: below.reversed())
        }
    }

    private mutating func record(_ node: SquashfsNode) throws(SkiffError) -> InodeRecord {
        try maker.make(mode: node.mode, uid: node.uid, gid: node.gid, modified: node.modified, xattrs: node.xattrs)
    }

    func directory(_ index: Int) -> ScannedDirectory {
        let found = directories[index]
        var result = ScannedDirectory(record: found.record, parent: found.parent)
        var next = found.first
        for (name, number) in nodes.entries(of: found.node) {
            if let known = further[number] {
                result.entries.append((name, known))
            } else {
                result.entries.append((name, next))
                next += 1
            }
        }
        return result
    }
}
