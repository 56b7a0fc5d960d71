/// One name in a directory.
package struct DirectoryEntry: Sendable {
    /// 1 to 255 bytes; never `.` or `..`, without `/` and NUL.
    package let name: [UInt8]
    package let kind: Inode.Kind
    package let inode: InodeReference
    /// The inode's number, as the directory has it.
    package let number: UInt32
}

/// Walks the listing of one directory, which is sorted by name (bytes).
///
/// A listing is a row of runs: a header with what its entries share (metadata block, base of inode numbers), then up to
/// 256 entries.
package struct DirectoryCursor {
    private let reader: SquashfsReader
    private var cursor: MetadataCursor
    /// How many bytes of the listing are not read yet.
    private var rest: Int
    private let length: Int
    private var run = Run()

    private struct Run {
        var entriesLeft = 0
        var block: UInt32 = 0
        var baseNumber: UInt32 = 0
    }

    /// An entry whose name is not read yet.
    private struct Head {
        let offset: UInt16
        let number: UInt32
        let kind: Inode.Kind
        let nameLength: Int
        let block: UInt32
    }

    /// - Parameter skipping: whole runs before the place to begin at, in bytes.
    init(_ reader: SquashfsReader, _ directory: Inode, at place: MetadataPosition, skipping: Int) throws(SquashfsError)
    {
        guard directory.isDirectory else { throw .corrupt(.notDirectory) }
        self.reader = reader
        length = Int(directory.size)
        guard skipping >= 0, skipping <= length else { throw .corrupt(.directoryRun) }
        rest = length - skipping
        cursor = try MetadataCursor(reader.blocks, at: place, limit: reader.superblock.bytesUsed)
    }

    /// Returns the next entry, or nil at the end.
    package mutating func next() throws(SquashfsError) -> DirectoryEntry? {
        guard let head = try nextHead() else { return nil }
        return try finish(head, name: cursor.bytes(head.nameLength))
    }

    /// Returns the entry called `name`, from here on. Stops at the first greater name.
    mutating func find(_ name: [UInt8]) throws(SquashfsError) -> DirectoryEntry? {
        while let head = try nextHead() {
            let order: Int
            if let inPlace = cursor.compare(head.nameLength, with: name) {
                order = inPlace
                try cursor.skip(head.nameLength)
            } else {
                let found = try cursor.bytes(head.nameLength)
                order = found.withUnsafeBytes { Squashfs.order($0, name) }
            }
            if order == 0 { return try finish(head, name: name) }
            if order > 0 { return nil }
        }
        return nil
    }

    /// A position to resume at: how many bytes of the listing are read. Zero is the beginning. It has to be below 2^31 for
    /// directories of any usual size, because a program of 32 bits is refused larger offsets (EOVERFLOW).
    package var cookie: UInt64 { UInt64(length - rest) }

    /// Resumes at a cookie, reading from the header of the run before it. A made-up cookie leads to the next entry.
    mutating func resume(at cookie: UInt64) throws(SquashfsError) {
        while cookie > self.cookie, let head = try nextHead() { try cursor.skip(head.nameLength) }
    }

    private static let headerSize = 12
    private static let entrySize = 8

    private mutating func readHeader() throws(SquashfsError) {
        let count = try cursor.u32()
        guard count < 256 else { throw .corrupt(.directoryRun) }
        run.entriesLeft = Int(count) + 1
        run.block = try cursor.u32()
        run.baseNumber = try cursor.u32()
        rest -= Self.headerSize
    }

    private mutating func nextHead() throws(SquashfsError) -> Head? {
        if run.entriesLeft == 0 {
            guard rest > 0 else { return nil }
            guard rest >= Self.headerSize else { throw .corrupt(.directoryRun) }
            try readHeader()
        }
        guard rest >= Self.entrySize else { throw .corrupt(.directoryRun) }
        let offset = try cursor.u16()
        let delta = Int16(bitPattern: try cursor.u16())
        let type = try cursor.u16()
        let nameLength = Int(try cursor.u16()) + 1
        rest -= Self.entrySize
        guard let kind = Inode.Kind(rawValue: type) else { throw .corrupt(.inodeType) }
        // squashfuse #153: a stored length beyond NAME_MAX overran a buffer.
        guard nameLength <= 255, nameLength <= rest else { throw .corrupt(.directoryName) }
        rest -= nameLength
        run.entriesLeft -= 1
        let number = run.baseNumber &+ UInt32(bitPattern: Int32(delta))
        return Head(offset: offset, number: number, kind: kind, nameLength: nameLength, block: run.block)
    }

    private func finish(_ head: Head, name: [UInt8]) throws(SquashfsError) -> DirectoryEntry {
        let isDots = name == [0x2E] || name == [0x2E, 0x2E]
        guard !isDots, !name.contains(where: { $0 == 0 || $0 == 0x2F }) else { throw .corrupt(.directoryName) }
        return DirectoryEntry(
            name: name, kind: head.kind, inode: InodeReference(block: head.block, offset: head.offset),
            number: head.number)
    }
}

extension SquashfsReader {
    /// Returns the listing of a directory, from its beginning or from a `DirectoryCursor.cookie`.
    package func entries(of directory: Inode, from cookie: UInt64 = 0) throws(SquashfsError) -> DirectoryCursor {
        guard directory.isDirectory else { throw .corrupt(.notDirectory) }
        let (place, skipping) = try indexedPosition(in: directory) { start, _ in UInt64(start) > cookie }
        var cursor = try DirectoryCursor(self, directory, at: place, skipping: skipping)
        try cursor.resume(at: cookie)
        return cursor
    }

    /// Returns the inode number of the directory above.
    package func parentNumber(of directory: Inode) -> UInt32 { directory.directory.parent }

    /// Returns the entry called `name`, or nil when there is none.
    package func lookup(_ name: [UInt8], in directory: Inode) throws(SquashfsError) -> DirectoryEntry? {
        guard directory.isDirectory else { throw .corrupt(.notDirectory) }
        guard directory.size > 0 else { return nil }
        let (place, skipping) = try indexedPosition(in: directory) { _, first in
            first.withUnsafeBytes { order($0, name) } > 0
        }
        var cursor = try DirectoryCursor(self, directory, at: place, skipping: skipping)
        return try cursor.find(name)
    }

    private func firstPosition(of directory: Inode) -> MetadataPosition {
        // Below 2^63 plus 32 bits.
        MetadataPosition(
            block: superblock.directoryTable + UInt64(directory.directory.block),
            offset: Int(directory.directory.offset))
    }

    /// Returns where to start looking: at the last index entry that is not too far. An index entry names the first entry of a
    /// run that begins a metadata block.
    ///
    /// - Parameter isTooFar: called with the offset of a run in the listing and the name of its first entry.
    private func indexedPosition(in directory: Inode, _ isTooFar: (Int, [UInt8]) -> Bool) throws(SquashfsError)
        -> (place: MetadataPosition, skipping: Int)
    {
        var found = (place: firstPosition(of: directory), skipping: 0)
        guard directory.directory.indexCount > 0 else { return found }
        var index = try MetadataCursor(blocks, at: directory.directory.index, limit: superblock.directoryTable)
        for _ in 0..<directory.directory.indexCount {
            let skipping = try index.u32()
            let block = try index.u32()
            let length = try index.u32()
            guard length < 255 else { throw .corrupt(.directoryName) }
            let first = try index.bytes(Int(length) + 1)
            if isTooFar(Int(skipping), first) { break }
            // The run begins at this many bytes from the start of the listing, so its offset in the block follows.
            let offset = (Int(directory.directory.offset) + Int(skipping)) % MetadataBlock.size
            found = (
                MetadataPosition(block: superblock.directoryTable + UInt64(block), offset: offset), Int(skipping)
            )
        }
        return found
    }
}
