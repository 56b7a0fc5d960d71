package import Linux

/// Bytes at known offsets that many threads may read at once: an image file, or decrypted blocks above one.
package protocol ByteSource: Sendable {
    /// In bytes; nothing is read at or after it.
    var size: UInt64 { get }
    /// Fills `buffer` from `offset` on and returns the number of bytes read, fewer than asked for only at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Errno) -> Int
}

/// A part of an open file: the partition of a SIF, or a whole squashfs file.
package final class FileSource: ByteSource {
    private let file: OwnedFD
    private let start: UInt64
    package let size: UInt64

    /// - Parameter range: where the image lies in the file; cut at the end of the file.
    /// - Throws: `EINVAL` when the image would begin after the end of the file.
    package init(_ file: consuming OwnedFD, _ range: ByteRange = .whole) throws(Errno) {
        let total = try endOffset(of: file.raw)
        guard range.offset >= 0, range.size >= 0, total <= UInt64(Int64.max), UInt64(range.offset) <= total else {
            throw .invalidArgument
        }
        let rest = total - UInt64(range.offset)
        self.file = file
        start = UInt64(range.offset)
        size = range.size == 0 ? rest : min(UInt64(range.size), rest)
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Errno) -> Int {
        guard offset < size else { return 0 }
        let count = min(UInt64(buffer.count), size - offset)
        // start + size is at most the length of the file, so neither sum can overflow.
        return try readFully(
            file.raw, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(count)]), at: Int64(start + offset))
    }
}

/// An image in memory.
package struct MemorySource: ByteSource {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var size: UInt64 { UInt64(bytes.count) }

    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Errno) -> Int {
        guard offset < size else { return 0 }
        let start = Int(offset)
        let count = min(buffer.count, bytes.count - start)
        bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
        return count
    }
}
