import Linux
import Synchronization

/// Undoes the compression of one image, for any number of threads at once.
///
/// A decoder's own state (zstd: 150 KiB) costs more to make than a small block to decode, so used ones are kept; there
/// are never more of them than threads that decoded at the same moment.
final class Decompressor: Sendable {
    private let compression: Compression
    private let idle = Mutex<[any Codec]>([])

    init(_ compression: Compression) { self.compression = compression }

    /// Decodes a whole block; answers the bytes written.
    func decompress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(SquashfsError)
        -> Int
    {
        guard let codec = idle.withLock({ $0.popLast() }) ?? makeCodec() else { throw .kernel(.noMemory) }
        defer { idle.withLock { $0.append(codec) } }
        guard let count = codec.decode(input, into: output) else { throw .corrupt(.compressedData) }
        return count
    }

    private func makeCodec() -> (any Codec)? {
        switch compression {
        case .gzip: ZlibCodec()
        case .zstd: ZstdCodec()
        case .lz4: LZ4Codec()
        case .xz: LZMACodec(alone: false)
        case .lzma: LZMACodec(alone: true)
        case .lzo: nil
        }
    }
}
