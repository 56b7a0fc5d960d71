import Base
import CSquashfs
import Linux

/// Passes the content of files to libsquashfs, which cuts it into blocks, compresses them in its threads, and finds
/// duplicates.
final class ContentWriter {
    private let image: OutputImage
    private let processor: OpaquePointer
    private var buffer: [UInt8]
    private let zeros: [UInt8]

    init(_ image: OutputImage) {
        self.image = image
        processor = image.processor.pointer
        buffer = [UInt8](repeating: 0, count: image.options.blockSize)
        zeros = [UInt8](repeating: 0, count: image.options.blockSize)
    }

    /// Reads a regular file from its start.
    ///
    /// - Parameters:
    ///   - size: what stat(2) said; a file that is longer or shorter by now is an error.
    ///   - place: where the inode is put; it is complete after `finish`.
    ///   - advanced: called with the number of bytes read, after each block.
    /// - Throws: `Failure`, since only the caller knows the path.
    func write(
        _ file: CInt, size: Int64, to place: UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>,
        _ advanced: (Int) throws(SkiffError) -> Void
    ) throws(Failure) {
        try hand(sqfs_block_processor_begin_file(processor, place, nil, flags))
        var position: Int64 = 0
        while position < size {
            let data = min(size, try reading { () throws(Errno) in try nextData(file, from: position) } ?? size)
            try writeHole(data - position, advanced)
            guard data < size else { break }
            let end = min(size, try reading { () throws(Errno) in try nextHole(file, from: data) })
            try copy(file, data..<end, advanced)
            position = end
        }
        try hand(sqfs_block_processor_end_file(processor))
    }

    private var flags: UInt32 {
        var flags: UInt32 = 0
        if !image.options.isDataCompressed { flags |= SQFS_BLK_DONT_COMPRESS.rawValue }
        if !image.options.hasFragments { flags |= SQFS_BLK_DONT_FRAGMENT.rawValue }
        return flags
    }

    // MARK: Content that comes in parts

    /// - Parameter place: as for `write`.
    func begin(_ place: UnsafeMutablePointer<UnsafeMutablePointer<sqfs_inode_generic_t>?>) throws(SkiffError) {
        try image.file.check(sqfs_block_processor_begin_file(processor, place, nil, flags))
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(SkiffError) {
        // libsquashfs would look at a block that it has not made yet.
        if bytes.isEmpty { return }
        try image.file.check(sqfs_block_processor_append(processor, bytes.baseAddress, bytes.count))
    }

    func append(_ bytes: [UInt8]) throws(SkiffError) {
        try bytes.withUnsafeBufferPointer { buffer throws(SkiffError) in try append(UnsafeRawBufferPointer(buffer)) }
    }

    func appendHole(_ count: Int64) throws(SkiffError) {
        var left = count
        while left > 0 {
            let next = Int(min(Int64(zeros.count), left))
            try image.file.check(sqfs_block_processor_append(processor, zeros, next))
            left -= Int64(next)
        }
    }

    func end() throws(SkiffError) { try image.file.check(sqfs_block_processor_end_file(processor)) }

    enum Failure: Error {
        case reading(Errno)
        case changed
        case other(SkiffError)
    }

    /// Waits for the threads; after this the inodes of files are complete.
    func finish() throws(SkiffError) { try image.file.check(sqfs_block_processor_finish(processor)) }

    private func copy(_ file: CInt, _ range: Range<Int64>, _ advanced: (Int) throws(SkiffError) -> Void) throws(Failure)
    {
        var position = range.lowerBound
        while position < range.upperBound {
            let wanted = Int(min(Int64(buffer.count), range.upperBound - position))
            let got = try reading { () throws(Errno) in try fill(file, wanted, at: position) }
            guard got == wanted else { throw .changed }
            try hand(sqfs_block_processor_append(processor, buffer, got))
            position += Int64(got)
            try report(got, advanced)
        }
    }

    private func fill(_ file: CInt, _ count: Int, at position: Int64) throws(Errno) -> Int {
        try buffer.withUnsafeMutableBufferPointer { bytes throws(Errno) in
            let all = UnsafeMutableRawBufferPointer(bytes)
            return try readFully(file, into: UnsafeMutableRawBufferPointer(rebasing: all[..<count]), at: position)
        }
    }

    /// Writes a hole; libsquashfs recognises blocks of zeros and stores none.
    private func writeHole(_ count: Int64, _ advanced: (Int) throws(SkiffError) -> Void) throws(Failure) {
        var left = count
        while left > 0 {
            let next = Int(min(Int64(zeros.count), left))
            try hand(sqfs_block_processor_append(processor, zeros, next))
            left -= Int64(next)
            try report(next, advanced)
        }
    }

    private func reading<Value>(_ body: () throws(Errno) -> Value) throws(Failure) -> Value {
        do throws(Errno) { return try body() } catch { throw .reading(error) }
    }

    private func hand(_ status: CInt) throws(Failure) {
        do throws(SkiffError) { try image.file.check(status) } catch { throw .other(error) }
    }

    private func report(_ count: Int, _ advanced: (Int) throws(SkiffError) -> Void) throws(Failure) {
        do throws(SkiffError) { try advanced(count) } catch { throw .other(error) }
    }
}
