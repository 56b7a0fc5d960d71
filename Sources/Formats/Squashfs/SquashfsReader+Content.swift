/// A part of a file's content: some of the bytes of a decoded block.
package struct FileSegment: Sendable {
    package let block: [UInt8]
    package let range: Range<Int>
    /// Whether these are zeros that the image does not store.
    package var isHole = false
}

extension SquashfsReader {
    /// Returns the content of `file` from `offset` on, at most `count` bytes, cut where its blocks end. The result is
    /// shorter than that only at the end of the file. Blocks that other reads may want stay in the cache; nothing is
    /// copied.
    package func segments(of file: Inode, at offset: UInt64, count: Int) throws(SquashfsError) -> [FileSegment] {
        guard file.kind == .file, offset < file.size, count > 0 else { return [] }
        let end = offset + min(UInt64(count), file.size - offset)
        var result: [FileSegment] = []
        var position = offset
        let size = UInt64(superblock.blockSize)
        while position < end {
            let index = position / size
            let start = index * size
            let length = Int(min(size, file.size - start))
            let range = Int(position - start)..<Int(min(end - start, UInt64(length)))
            result.append(try segment(of: file, index: index, length: length, range: range))
            position = start + UInt64(range.upperBound)
        }
        return result
    }

    /// Copies the content from `offset` on into `buffer` and returns the number of bytes copied, less than its size
    /// only at the end of the file.
    package func read(_ file: Inode, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
        throws(SquashfsError) -> Int
    {
        var done = 0
        for segment in try segments(of: file, at: offset, count: buffer.count) {
            segment.block.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[segment.range]))
            }
            done += segment.range.count
        }
        return done
    }

    /// Returns a whole small file, or nil when it is longer than `limit` bytes.
    package func content(of file: Inode, limit: Int) throws(SquashfsError) -> [UInt8]? {
        guard file.size <= UInt64(limit) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(Int(file.size))
        for segment in try segments(of: file, at: 0, count: limit) {
            result.append(contentsOf: segment.block[segment.range])
        }
        return result
    }

    /// Returns how many blocks of its own a file has; the rest of its content is in a fragment.
    func blockCount(of file: Inode) -> UInt64 {
        let size = UInt64(superblock.blockSize)
        let whole = file.size / size
        return file.file.fragment == FilePlace.noFragment && file.size % size != 0 ? whole + 1 : whole
    }

    private func segment(of file: Inode, index: UInt64, length: Int, range: Range<Int>) throws(SquashfsError)
        -> FileSegment
    {
        guard index < blockCount(of: file) else { return try fragmentSegment(of: file, length: length, range: range) }
        let (position, word) = try blockPlace(of: file, index: index)
        if word == 0 { return FileSegment(block: zeros, range: range, isHole: true) }
        if let block = blocks.data.present(position) {
            guard block.count == length else { throw .corrupt(.blockLength) }
            return FileSegment(block: block, range: range)
        }
        // The kernel caches what it was given, so a block that was read whole is not asked for again soon. A partial
        // read is a page fault of a mapped program: the other parts will follow, in any order.
        let block =
            range.count == length
            ? try blocks.dataBlock(at: position, word: word)
            : try blocks.data.value(for: position) { () throws(SquashfsError) in
                try blocks.dataBlock(at: position, word: word)
            }
        guard block.count == length else { throw .corrupt(.blockLength) }
        return FileSegment(block: block, range: range)
    }

    private func fragmentSegment(of file: Inode, length: Int, range: Range<Int>) throws(SquashfsError) -> FileSegment {
        let (position, word) = try fragment(file.file.fragment)
        let block = try blocks.data.value(for: position) { () throws(SquashfsError) in
            try blocks.dataBlock(at: position, word: word)
        }
        let start = Int(file.file.fragmentOffset)
        guard start <= block.count, length <= block.count - start else { throw .corrupt(.fragmentRange) }
        return FileSegment(block: block, range: start + range.lowerBound..<start + range.upperBound)
    }
}
