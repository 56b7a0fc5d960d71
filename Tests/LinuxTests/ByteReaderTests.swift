import Testing

@testable import Linux

@Suite struct ByteReaderTests {
    @Test func integersAreLittleEndian() throws {
        let bytes: [UInt8] = [
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F,
        ]
        var reader = ByteReader(bytes.span.bytes)
        #expect(try reader.u8() == 0x01)
        #expect(try reader.u16() == 0x0302)
        #expect(try reader.u32() == 0x0706_0504)
        #expect(try reader.u64() == 0x0F0E_0D0C_0B0A_0908)
        #expect(reader.remaining == 0)
    }

    @Test func signedIntegersKeepTheirSign() throws {
        let bytes = [UInt8](repeating: 0xFF, count: 6) + [0, 0, 0, 0, 0, 0, 0, 0x80]
        var reader = ByteReader(bytes.span.bytes)
        #expect(try reader.i16() == -1)
        #expect(try reader.i32() == -1)
        #expect(try reader.i64() == .min)
    }

    /// A field that does not fit is an error at its place, and the reader stays there.
    @Test func fieldsBeyondTheEndAreRefused() throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7]
        let truncated = ByteReader.Truncated(offset: 4)
        var reader = ByteReader(bytes.span.bytes, at: 4)
        do { _ = try reader.u32(); Issue.record("u32") } catch { #expect(error == truncated) }
        do { _ = try reader.u64(); Issue.record("u64") } catch { #expect(error == truncated) }
        do { _ = try reader.array(4); Issue.record("array") } catch { #expect(error == truncated) }
        do { _ = try reader.terminated(4); Issue.record("terminated") } catch { #expect(error == truncated) }
        do { try reader.skip(4); Issue.record("skip") } catch { #expect(error == truncated) }
        #expect(reader.offset == 4 && reader.remaining == 3)
        #expect(try reader.array(3) == [5, 6, 7])
        do { _ = try reader.u8(); Issue.record("u8") } catch { #expect(error.offset == 7) }
    }

    /// What a file says of sizes and offsets may be anything.
    @Test(arguments: [Int.min, -1, 8, Int.max - 1, Int.max]) func oddSizesAndPlacesAreRefused(_ value: Int) throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7]
        var reader = ByteReader(bytes.span.bytes, at: 3)
        do { _ = try reader.array(value); Issue.record("array") } catch { #expect(error.offset == 3) }
        do { try reader.skip(value); Issue.record("skip") } catch { #expect(error.offset == 3) }
        do { try reader.seek(to: value); Issue.record("seek") } catch { #expect(error.offset == value) }
        #expect(reader.offset == 3)
        var outside = ByteReader(bytes.span.bytes, at: value)
        #expect(outside.remaining == 0 || value == Int.min || value == -1)
        do { _ = try outside.u8(); Issue.record("u8") } catch { #expect(error.offset == value) }
    }

    @Test func seekingReachesTheEndAndNoFurther() throws {
        let bytes: [UInt8] = [1, 2]
        var reader = ByteReader(bytes.span.bytes)
        try reader.seek(to: 2)
        #expect(reader.remaining == 0)
        #expect(try reader.array(0) == [])
        try reader.seek(to: 0)
        #expect(try reader.u16() == 0x0201)
    }

    @Test func terminatedFieldsEndAtTheirFirstNUL() throws {
        let bytes = Array("ab\0cdefg".utf8)
        var reader = ByteReader(bytes.span.bytes)
        #expect(try reader.terminated(5) == Array("ab".utf8))
        #expect(reader.offset == 5)
        #expect(try reader.terminated(3) == Array("efg".utf8))
    }

    @Test func writerIsTheOpposite() throws {
        var writer = ByteWriter(capacity: 64)
        writer.u8(1)
        writer.u16(0xFFFE)
        writer.u32(0xDEAD_BEEF)
        writer.u64(.max)
        writer.i32(-2)
        writer.i64(.min)
        writer.append([9, 8])
        writer.padded(Array("name".utf8), to: 8)
        writer.padded(Array("longer".utf8), to: 3)
        let bytes = writer.bytes
        var reader = ByteReader(bytes.span.bytes)
        #expect(try reader.u8() == 1)
        #expect(try reader.u16() == 0xFFFE)
        #expect(try reader.u32() == 0xDEAD_BEEF)
        #expect(try reader.u64() == .max)
        #expect(try reader.i32() == -2)
        #expect(try reader.i64() == .min)
        #expect(try reader.array(2) == [9, 8])
        #expect(try reader.terminated(8) == Array("name".utf8))
        #expect(try reader.array(3) == Array("lon".utf8))
        #expect(reader.remaining == 0)
    }
}
