import Base
import CCodecs
import Linux

/// Decompresses a layer, as its first bytes tell: gzip with several members, zstd with several frames and skippable
/// ones, xz, or none.
enum LayerDecoder: ~Copyable {
    case plain
    case gzip(GzipDecoder)
    case zstd(ZstdDecoder)
    case xz(XzDecoder)

    init(head: [UInt8]) throws(SkiffError) {
        if head.starts(with: [0x1F, 0x8B]) {
            self = .gzip(try GzipDecoder())
        } else if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) || Self.isSkippable(head) {
            self = .zstd(try ZstdDecoder())
        } else if head.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
            self = .xz(try XzDecoder())
        } else {
            self = .plain
        }
    }

    var isPlain: Bool {
        switch self {
        case .plain: true
        default: false
        }
    }

    /// 0x184D2A50 to 0x184D2A5F, little-endian; RFC 8878, 3.1.2.
    private static func isSkippable(_ head: [UInt8]) -> Bool {
        head.count >= 4 && head[0] & 0xF0 == 0x50 && head[1] == 0x2A && head[2] == 0x4D && head[3] == 0x18
    }

    /// Fills `output` as far as there is data.
    /// - Returns: the number of bytes; 0 at the end.
    mutating func fill(_ output: UnsafeMutableRawBufferPointer, from input: inout BlobInput, _ name: String)
        throws(SkiffError) -> Int
    {
        var done = 0
        while done < output.count {
            try input.refill()
            let target = UnsafeMutableRawBufferPointer(rebasing: output[done...])
            let step: DecodingStep
            switch self {
            case .plain: step = Self.copy(input.rest, target)
            case .gzip(let decoder): step = decoder.step(input.rest, target)
            case .zstd(let decoder): step = decoder.step(input.rest, target)
            case .xz(let decoder): step = decoder.step(input.rest, target)
            }
            input.take(step.taken)
            done += step.made
            if let problem = step.problem { throw SkiffError("cannot decompress \(name): \(problem)") }
            if step.taken == 0, step.made == 0 {
                guard input.rest.isEmpty else { throw SkiffError("cannot decompress \(name): the data is damaged") }
                guard step.isWhole else { throw SkiffError("cannot decompress \(name): it ends too early") }
                break
            }
        }
        return done
    }

    private static func copy(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> DecodingStep {
        let count = min(input.count, output.count)
        output.copyBytes(from: input.prefix(count))
        return DecodingStep(taken: count, made: count, isWhole: true)
    }
}

/// The result of one call of a decompressor.
struct DecodingStep {
    /// How many bytes of input were consumed, and of output produced.
    var taken: Int
    var made: Int
    /// Whether the input may end here.
    var isWhole: Bool
    var problem: String?
}

final class GzipDecoder {
    private var stream = z_stream()
    private var isBetween = true
    /// Whether only padding is left: zeros after the last member, as for gzip(1). Other bytes there are an error.
    private var isPadding = false
    private var hasMember = false

    init() throws(SkiffError) {
        // 15 bits of window, and 16 for the header of gzip; zlib.h.
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw SkiffError("cannot decompress gzip", errno: .noMemory)
        }
    }

    deinit { inflateEnd(&stream) }

    func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> DecodingStep {
        if input.isEmpty, isBetween { return DecodingStep(taken: 0, made: 0, isWhole: true) }
        if isBetween, hasMember, input[input.startIndex] == 0 { isPadding = true }
        if isPadding {
            let isClean = input.allSatisfy { $0 == 0 }
            return DecodingStep(
                taken: input.count, made: 0, isWhole: true, problem: isClean ? nil : "garbage follows the gzip data")
        }
        isBetween = false
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = uInt(input.count)
        stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = uInt(output.count)
        let status = inflate(&stream, Z_NO_FLUSH)
        var step = DecodingStep(
            taken: input.count - Int(stream.avail_in), made: output.count - Int(stream.avail_out), isWhole: false)
        if status == Z_STREAM_END {
            (isBetween, hasMember, step.isWhole) = (true, true, true)
            inflateReset(&stream)
        } else if status != Z_OK, status != Z_BUF_ERROR {
            step.problem = "the gzip data is damaged"
        }
        return step
    }
}

final class ZstdDecoder {
    private let context: OpaquePointer
    private var isBetween = true

    init() throws(SkiffError) {
        guard let context = ZSTD_createDCtx() else { throw SkiffError("cannot decompress zstd", errno: .noMemory) }
        self.context = context
        // Windows up to 128 MiB, as zstd --long=27 makes them and every reader takes; more would let an image fill the
        // memory.
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
    }

    deinit { ZSTD_freeDCtx(context) }

    func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> DecodingStep {
        // Without input the decoder may still have output.
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        if input.isEmpty, isBetween { return DecodingStep(taken: 0, made: 0, isWhole: true) }
        let status = ZSTD_decompressStream(context, &target, &source)
        isBetween = status == 0
        let problem = ZSTD_isError(status) != 0 ? "the zstd data is damaged" : nil
        return DecodingStep(taken: source.pos, made: target.pos, isWhole: isBetween, problem: problem)
    }
}

final class XzDecoder {
    private var stream = lzma_stream()
    private var isDone = false

    init() throws(SkiffError) {
        // xz -9 needs 65 MiB.
        guard lzma_stream_decoder(&stream, 128 << 20, 0x08) == LZMA_OK else {  // LZMA_CONCATENATED
            throw SkiffError("cannot decompress xz", errno: .noMemory)
        }
    }

    deinit { lzma_end(&stream) }

    func step(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) -> DecodingStep {
        if isDone { return DecodingStep(taken: 0, made: 0, isWhole: true) }
        stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = input.count
        stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = output.count
        let status = lzma_code(&stream, input.isEmpty ? LZMA_FINISH : LZMA_RUN)
        isDone = status == LZMA_STREAM_END
        let isFine = status == LZMA_OK || status == LZMA_STREAM_END || status == LZMA_BUF_ERROR
        return DecodingStep(
            taken: input.count - stream.avail_in, made: output.count - stream.avail_out, isWhole: isDone,
            problem: isFine ? nil : "the xz data is damaged")
    }
}
