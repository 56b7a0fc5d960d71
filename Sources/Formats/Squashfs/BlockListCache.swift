import Synchronization

/// Places in the middle of a large file's block list, so that a read far inside need not add up all sizes before it.
struct BlockListMarks: Sendable {
    /// One mark every so many blocks.
    static let distance: UInt64 = 1024

    struct Mark: Sendable {
        /// The position of the size word.
        let list: MetadataPosition
        /// The position of the block in the image.
        let block: UInt64
    }
    var marks: [Mark]
}

/// The marks of the files read last.
final class BlockListCache: Sendable {
    /// A 10 GB file of 128 KiB blocks has 80 marks of 24 bytes.
    private static let capacity = 64
    private let files = Mutex<[InodeReference: BlockListMarks]>([:])

    /// Returns the last known mark at or before `index`.
    func mark(before index: UInt64, of file: InodeReference) -> (index: UInt64, mark: BlockListMarks.Mark)? {
        files.withLock { files in
            guard let known = files[file]?.marks, !known.isEmpty else { return nil }
            // Mark n stands at block (n + 1) × distance.
            let wanted = min(index / BlockListMarks.distance, UInt64(known.count))
            guard wanted > 0 else { return nil }
            return (wanted * BlockListMarks.distance, known[Int(wanted) - 1])
        }
    }

    func add(_ mark: BlockListMarks.Mark, at index: UInt64, of file: InodeReference) {
        files.withLock { files in
            if files[file] == nil, files.count >= Self.capacity, let victim = files.keys.first {
                files[victim] = nil
            }
            // Only the next one in order; a thread that walked the same stretch may have been faster.
            guard UInt64(files[file]?.marks.count ?? 0) + 1 == index / BlockListMarks.distance else { return }
            files[file, default: BlockListMarks(marks: [])].marks.append(mark)
        }
    }
}

extension SquashfsReader {
    /// Returns the position of block `index` of a file in the image, and its size word, which is 0 for a hole.
    func blockPlace(of file: Inode, index: UInt64) throws(SquashfsError) -> (position: UInt64, word: UInt32) {
        var current: UInt64 = 0
        var position = file.file.start
        var list = file.file.blockList
        if index >= BlockListMarks.distance, let known = blockLists.mark(before: index, of: file.reference) {
            (current, position, list) = (known.index, known.mark.block, known.mark.list)
        }
        var cursor = try MetadataCursor(blocks, at: list, limit: superblock.directoryTable)
        while current < index {
            let stored = UInt64(try cursor.u32() & 0xFF_FFFF)
            let (sum, overflow) = position.addingReportingOverflow(stored)
            guard !overflow, sum <= superblock.bytesUsed else { throw .corrupt(.blockOutside) }
            position = sum
            current += 1
            if current % BlockListMarks.distance == 0 {
                let mark = BlockListMarks.Mark(list: cursor.position, block: position)
                blockLists.add(mark, at: current, of: file.reference)
            }
        }
        return (position, try cursor.u32())
    }
}
