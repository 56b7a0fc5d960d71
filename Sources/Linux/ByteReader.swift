/// A little-endian cursor over bytes that came from outside; it cannot read out of bounds.
///
/// Every on-disk record (SIF, squashfs, LUKS2) is read through it, field by field, never by casting memory to a struct.
package struct ByteReader: ~Copyable, ~Escapable {
    /// The field at `offset` does not fit into the bytes there are.
    package struct Truncated: Error, Equatable {
        package let offset: Int
        package init(offset: Int) { self.offset = offset }
    }

    private let bytes: RawSpan
    /// Where the next field is read, in bytes from the start.
    package private(set) var offset: Int

    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    package var remaining: Int { offset < 0 ? 0 : max(0, bytes.byteCount - offset) }

    @_lifetime(self: copy self)
    private mutating func take(_ count: Int) throws(Truncated) -> Int {
        guard count >= 0, offset >= 0, count <= bytes.byteCount, offset <= bytes.byteCount - count else {
            throw Truncated(offset: offset)
        }
        defer { offset += count }
        return offset
    }

    @_lifetime(self: copy self)
    package mutating func skip(_ count: Int) throws(Truncated) { _ = try take(count) }

    @_lifetime(self: copy self)
    package mutating func seek(to offset: Int) throws(Truncated) {
        guard offset >= 0, offset <= bytes.byteCount else { throw Truncated(offset: offset) }
        self.offset = offset
    }

    @_lifetime(self: copy self)
    package mutating func u8() throws(Truncated) -> UInt8 { try integer() }
    @_lifetime(self: copy self)
    package mutating func u16() throws(Truncated) -> UInt16 { try integer() }
    @_lifetime(self: copy self)
    package mutating func u32() throws(Truncated) -> UInt32 { try integer() }
    @_lifetime(self: copy self)
    package mutating func u64() throws(Truncated) -> UInt64 { try integer() }
    @_lifetime(self: copy self)
    package mutating func i16() throws(Truncated) -> Int16 { Int16(bitPattern: try integer()) }
    @_lifetime(self: copy self)
    package mutating func i32() throws(Truncated) -> Int32 { Int32(bitPattern: try integer()) }
    @_lifetime(self: copy self)
    package mutating func i64() throws(Truncated) -> Int64 { Int64(bitPattern: try integer()) }

    /// Returns the next `count` bytes, copied.
    @_lifetime(self: copy self)
    package mutating func array(_ count: Int) throws(Truncated) -> [UInt8] {
        let start = try take(count)
        return bytes.extracting(start..<start + count).withUnsafeBytes { Array($0) }
    }

    /// Returns a fixed field of `count` bytes that ends at its first NUL, as the bytes of its text.
    @_lifetime(self: copy self)
    package mutating func terminated(_ count: Int) throws(Truncated) -> [UInt8] {
        let field = try array(count)
        return Array(field.prefix { $0 != 0 })
    }

    @_lifetime(self: copy self)
    private mutating func integer<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>()
        throws(Truncated) -> Value
    {
        let start = try take(MemoryLayout<Value>.size)
        return Value(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: start, as: Value.self))
    }
}

/// The opposite: appends little-endian fields to a growing array.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8]

    package init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    package mutating func u8(_ value: UInt8) { bytes.append(value) }
    package mutating func u16(_ value: UInt16) { integer(value) }
    package mutating func u32(_ value: UInt32) { integer(value) }
    package mutating func u64(_ value: UInt64) { integer(value) }
    package mutating func i32(_ value: Int32) { integer(UInt32(bitPattern: value)) }
    package mutating func i64(_ value: Int64) { integer(UInt64(bitPattern: value)) }
    package mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

    /// Appends `content`, cut or zero-padded to exactly `count` bytes.
    package mutating func padded(_ content: [UInt8], to count: Int) {
        bytes.append(contentsOf: content.prefix(count))
        bytes.append(contentsOf: repeatElement(0, count: max(0, count - content.count)))
    }

    private mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
