import Linux
import Synchronization

/// Undoes the compression of one image, for any number of threads at once.
///
/// A decoder's own state (zstd: 150 KiB) costs more to make than a small block to decode, so used ones are kept, with a
/// buffer for what they decode; there are never more of them than threads that decoded at the same moment.
final class Decompressor: Sendable {
    private let compression: Compression
    private let inputCapacity: Int
    private let idle = Mutex<[Worker]>([])

    /// - Parameter longest: the largest block as it is stored, in bytes.
    init(_ compression: Compression, longest: Int) {
        self.compression = compression
        inputCapacity = longest
    }

    /// Decodes a block of `count` stored bytes, which `read` puts into the buffer that it is given, and returns the
    /// number of bytes written to `output`.
    func decompress(
        count: Int, into output: UnsafeMutableRawBufferPointer,
        read: (UnsafeMutableRawBufferPointer) throws(SquashfsError) -> Void
    ) throws(SquashfsError) -> Int {
        guard count <= inputCapacity else { throw .corrupt(.blockTooLarge) }
        guard let worker = idle.withLock({ $0.popLast() }) ?? makeWorker() else { throw .kernel(.noMemory) }
        defer { idle.withLock { $0.append(worker) } }
        let input = UnsafeMutableRawBufferPointer(rebasing: worker.input[..<count])
        try read(input)
        guard let written = worker.codec.decode(UnsafeRawBufferPointer(input), into: output) else {
            throw .corrupt(.compressedData)
        }
        return written
    }

    private func makeWorker() -> Worker? {
        makeCodec().map { Worker($0, inputCapacity) }
    }

    private func makeCodec() -> (any Codec)? {
        switch compression {
        case .gzip: ZlibCodec()
        case .zstd: ZstdCodec()
        case .lz4: LZ4Codec()
        case .xz: LZMACodec(alone: false)
        case .lzma: LZMACodec(alone: true)
        case .lzo: LZOCodec()
        }
    }
}

/// A decoder and its input; used by one thread at a time, like `Codec`.
private final class Worker: @unchecked Sendable {
    let codec: any Codec
    let input: UnsafeMutableRawBufferPointer

    init(_ codec: any Codec, _ capacity: Int) {
        self.codec = codec
        input = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { input.deallocate() }
}
