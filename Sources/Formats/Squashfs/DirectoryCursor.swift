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
        /// The offset of the header in the listing, in bytes.
        var start = 0
        var entriesLeft = 0
        var entriesRead = 0
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
        run.start = skipping
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

    /// A position to resume at, of 58 bits. Zero is the beginning.
    package var cookie: UInt64 {
        guard run.entriesLeft > 0 else { return UInt64(length - rest) << 26 }
        let relative = length - rest - run.start
        return UInt64(run.start) << 26 | UInt64(relative) << 9 | UInt64(run.entriesRead)
    }

    /// Goes to the place of a cookie inside a run whose header begins where this cursor stands.
    mutating func resume(relative: Int, entriesRead: Int) throws(SquashfsError) {
        guard relative > 0 else { return }
        guard rest >= Self.headerSize else { throw .corrupt(.directoryRun) }
        try readHeader()
        let skipped = relative - Self.headerSize
        guard skipped >= 0, skipped <= rest, entriesRead < run.entriesLeft else { throw .corrupt(.directoryRun) }
        try cursor.skip(skipped)
        rest -= skipped
        run.entriesLeft -= entriesRead
        run.entriesRead = entriesRead
    }

    private static let headerSize = 12
    private static let entrySize = 8

    private mutating func readHeader() throws(SquashfsError) {
        run.start = length - rest
        let count = try cursor.u32()
        guard count < 256 else { throw .corrupt(.directoryRun) }
        run.entriesLeft = Int(count) + 1
        run.entriesRead = 0
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
        run.entriesRead += 1
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
        let start = Int(cookie >> 26)
        let place = try listingPosition(of: directory, skipping: start)
        var cursor = try DirectoryCursor(self, directory, at: place, skipping: start)
        try cursor.resume(relative: Int(cookie >> 9 & 0x1FFFF), entriesRead: Int(cookie & 0x1FF))
        return cursor
    }

    /// Returns the inode number of the directory above.
    package func parentNumber(of directory: Inode) -> UInt32 { directory.directory.parent }

    /// Returns the entry called `name`, or nil when there is none.
    package func lookup(_ name: [UInt8], in directory: Inode) throws(SquashfsError) -> DirectoryEntry? {
        guard directory.isDirectory else { throw .corrupt(.notDirectory) }
        guard directory.size > 0 else { return nil }
        let (place, skipping) = try indexedPosition(of: name, in: directory)
        var cursor = try DirectoryCursor(self, directory, at: place, skipping: skipping)
        return try cursor.find(name)
    }

    private func firstPosition(of directory: Inode) -> MetadataPosition {
        // Below 2^63 plus 32 bits.
        MetadataPosition(
            block: superblock.directoryTable + UInt64(directory.directory.block),
            offset: Int(directory.directory.offset))
    }

    private func listingPosition(of directory: Inode, skipping: Int) throws(SquashfsError) -> MetadataPosition {
        guard skipping > 0 else { return firstPosition(of: directory) }
        guard UInt64(skipping) <= directory.size else { throw .corrupt(.directoryRun) }
        var cursor = try MetadataCursor(blocks, at: firstPosition(of: directory), limit: superblock.bytesUsed)
        try cursor.skip(skipping)
        return cursor.position
    }

    /// Returns where to start looking for `name`: at the last index entry that is not greater. An index entry names the
    /// first entry of a run that begins a metadata block.
    private func indexedPosition(of name: [UInt8], in directory: Inode) throws(SquashfsError)
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
            if first.withUnsafeBytes({ order($0, name) }) > 0 { break }
            // The run begins at this many bytes from the start of the listing, so its offset in the block follows.
            let offset = (Int(directory.directory.offset) + Int(skipping)) % MetadataBlock.size
            found = (
                MetadataPosition(block: superblock.directoryTable + UInt64(block), offset: offset), Int(skipping)
            )
        }
        return found
    }
}
