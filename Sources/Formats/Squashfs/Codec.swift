import CCodecs

/// One decoder of one library, used by one thread at a time: each passes from thread to thread through the Mutex of
/// `Decompressor` and is never shared, which is why the classes below may call themselves Sendable.
protocol Codec: AnyObject, Sendable {
    /// Decodes all of `input` into `output` and returns the number of bytes, or nil when the data is damaged or does
    /// not fit.
    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int?
}

final class ZlibCodec: Codec, @unchecked Sendable {
    private var stream = z_stream()

    init?() {
        guard inflateInit_(&stream, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    }

    deinit { inflateEnd(&stream) }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        guard inflateReset(&stream) == Z_OK else { return nil }
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = uInt(input.count)
        stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = uInt(output.count)
        guard inflate(&stream, Z_FINISH) == Z_STREAM_END else { return nil }
        return output.count - Int(stream.avail_out)
    }
}

final class ZstdCodec: Codec, @unchecked Sendable {
    private let context: OpaquePointer

    init?() {
        guard let context = ZSTD_createDCtx() else { return nil }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        let count = ZSTD_decompressDCtx(context, output.baseAddress, output.count, input.baseAddress, input.count)
        return ZSTD_isError(count) == 0 ? count : nil
    }
}

final class LZ4Codec: Codec, @unchecked Sendable {
    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        let count = LZ4_decompress_safe(
            input.baseAddress?.assumingMemoryBound(to: CChar.self),
            output.baseAddress?.assumingMemoryBound(to: CChar.self), CInt(input.count), CInt(output.count))
        return count >= 0 ? Int(count) : nil
    }
}

/// Both formats of liblzma: `.xz` streams, and the older `.lzma` that only mksquashfs writes.
final class LZMACodec: Codec, @unchecked Sendable {
    /// A dictionary is never larger than a block; this is room for one and the decoder.
    private static let memoryLimit: UInt64 = 32 << 20
    private let alone: Bool
    private var stream = lzma_stream()

    init(alone: Bool) { self.alone = alone }

    deinit { lzma_end(&stream) }

    func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        // Restarting the same stream keeps its memory.
        let started =
            alone
            ? lzma_alone_decoder(&stream, Self.memoryLimit) : lzma_stream_decoder(&stream, Self.memoryLimit, 0)
        guard started == LZMA_OK else { return nil }
        stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = input.count
        stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = output.count
        guard lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END else { return nil }
        return output.count - stream.avail_out
    }
}
