import Base
import CCodecs
import Core
import Digest
import TestSupport
import Testing

@testable import OCI

/// Layers come in all forms that registries and builders use, whole and broken.
@Suite struct CompressionTests {
    enum Form: String, CaseIterable { case plain, gzip, zstd, xz }

    static func packed(_ bytes: [UInt8], _ form: Form) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 2 + 4096)
        var count = 0
        switch form {
        case .plain: return bytes
        case .gzip:
            var stream = z_stream()
            deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, 0, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
            var input = bytes
            input.withUnsafeMutableBufferPointer { source in
                output.withUnsafeMutableBufferPointer { target in
                    (stream.next_in, stream.avail_in) = (source.baseAddress, uInt(source.count))
                    (stream.next_out, stream.avail_out) = (target.baseAddress, uInt(target.count))
                    deflate(&stream, Z_FINISH)
                    count = target.count - Int(stream.avail_out)
                }
            }
            deflateEnd(&stream)
        case .zstd: count = ZSTD_compress(&output, output.count, bytes, bytes.count, 3)
        case .xz: lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nil, bytes, bytes.count, &output, &count, output.count)
        }
        return Array(output[..<count])
    }

    /// Larger than every buffer on the way, and not all alike.
    private static let layer = TarBytes.made { tar in
        for number in 0..<300 { tar.file("file-\(number)", String(repeating: "content \(number) ", count: 900)) }
    }

    private func names(_ bytes: [UInt8], limits: LayerLimits = LayerLimits()) throws -> Int {
        let scratch = try Scratch()
        var image = try scratch.image([bytes])
        image.layers[0].diffID = try OCIDigest(SHA256.text(of: Self.layer))
        return try MergedImage(image, limits: limits).tree.count - 1
    }

    @Test(arguments: Form.allCases) func everyCompressionIsRead(form: Form) throws {
        #expect(try names(Self.packed(Self.layer, form)) == 300)
    }

    @Test(arguments: [Form.gzip, .zstd, .xz]) func membersAreReadAsOneStream(form: Form) throws {
        let (first, second) = (Array(Self.layer[..<70_001]), Array(Self.layer[70_001...]))
        #expect(try names(Self.packed(first, form) + Self.packed(second, form)) == 300)
    }

    @Test func framesToSkipAndPaddingAreNoContent() throws {
        let frame: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        #expect(try names(frame + Self.packed(Self.layer, .zstd) + frame) == 300)
        #expect(try names(Self.packed(Self.layer, .gzip) + [UInt8](repeating: 0, count: 1000)) == 300)
    }

    @Test(arguments: Form.allCases) func layersThatAreCutAreErrors(form: Form) throws {
        let bytes = Self.packed(Self.layer, form)
        for part in [7, 600, bytes.count / 2, bytes.count - 1] {
            #expect(throws: SkiffError.self, "\(form) of \(part) bytes") { try names(Array(bytes[..<part])) }
        }
    }

    @Test(arguments: [Form.gzip, .zstd, .xz]) func damagedLayersAreErrors(form: Form) throws {
        let bytes = Self.packed(Self.layer, form)
        for place in stride(from: 20, to: bytes.count - 8, by: bytes.count / 9) {
            var damaged = bytes
            damaged[place] ^= 0x55
            damaged[place + 1] ^= 0xAA
            #expect(throws: SkiffError.self, "\(form) at \(place)") { try names(damaged) }
        }
    }

    @Test func garbageAfterGzipIsAnError() throws {
        #expect(throws: SkiffError.self) { try names(Self.packed(Self.layer, .gzip) + Array("garbage".utf8)) }
    }

    @Test func bombsAreNoticed() throws {
        var limits = LayerLimits()
        (limits.ratio, limits.unsuspected) = (3, 1 << 20)
        let failure = #expect(throws: SkiffError.self) { try names(Self.packed(Self.layer, .zstd), limits: limits) }
        #expect(failure?.message.contains("decompression bomb") == true)
        limits = LayerLimits()
        limits.largestFile = 1000
        #expect(throws: SkiffError.self) { try names(Self.layer, limits: limits) }
        limits = LayerLimits()
        limits.names = 100
        #expect(throws: SkiffError.self) { try names(Self.layer, limits: limits) }
    }
}
