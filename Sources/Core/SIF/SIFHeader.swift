package import Base
import Linux

/// The first 128 bytes of a SIF file; Docs/spec/sif.md §2.
package struct SIFHeader: Sendable, Equatable {
    /// Without trailing zeros; at most 32 bytes.
    package var launch: [UInt8]
    package var architecture: SIFArchitecture
    package var identifier: SIFIdentifier
    /// Unix seconds, like `modified`.
    package var created: Int64
    package var modified: Int64
    package var descriptorsFree: Int64
    package var descriptorsTotal: Int64
    package var descriptorsOffset: Int64
    /// In bytes.
    package var descriptorsSize: Int64
    package var dataOffset: Int64
    /// From `dataOffset` to the end of the last object; only a note of the writer.
    package var dataSize: Int64

    static let magic: [UInt8] = Array("SIF_MAGIC".utf8) + [0]
    static let version: [UInt8] = Array("01".utf8) + [0]

    /// Whether a file that begins like this is a SIF.
    package static func isSIF(_ start: [UInt8]) -> Bool {
        start.count >= SIFFormat.headerSize && start[SIFFormat.launchSize...].starts(with: magic.dropLast())
    }

    /// The version that we read and write.
    package static let versionText = "01"

    package init(
        launch: [UInt8], architecture: SIFArchitecture, identifier: SIFIdentifier, created: Int64, modified: Int64,
        capacity: Int
    ) {
        self.launch = launch
        self.architecture = architecture
        self.identifier = identifier
        self.created = created
        self.modified = modified
        descriptorsFree = Int64(capacity)
        descriptorsTotal = Int64(capacity)
        descriptorsOffset = SIFFormat.descriptorsOffset
        descriptorsSize = Int64(capacity * SIFFormat.descriptorSize)
        dataOffset = descriptorsOffset + descriptorsSize
        dataSize = 0
    }

    /// - Parameter bytes: the start of the file.
    /// - Throws: Apptainer's text for a file that is too short, not SIF or of another version; ours for numbers that
    ///   cannot be (Docs/spec/sif.md §12).
    package init(_ bytes: RawSpan) throws(SkiffError) {
        let version: [UInt8]
        let magic: [UInt8]
        do throws(ByteReader.Truncated) {
            var reader = ByteReader(bytes)
            launch = try reader.trimmed(SIFFormat.launchSize)
            magic = try reader.array(Self.magic.count)
            version = try reader.array(Self.version.count)
            architecture = SIFArchitecture(rawValue: UInt32(try reader.u16()) | UInt32(try reader.u8()) << 16)
            identifier = SIFIdentifier(
                high: try reader.u64().byteSwapped,
                low: try reader.u64().byteSwapped)
            created = try reader.i64()
            modified = try reader.i64()
            descriptorsFree = try reader.i64()
            descriptorsTotal = try reader.i64()
            descriptorsOffset = try reader.i64()
            descriptorsSize = try reader.i64()
            dataOffset = try reader.i64()
            dataSize = try reader.i64()
        } catch {
            throw SkiffError("reading global header: \(bytes.byteCount == 0 ? "EOF" : "unexpected EOF")")
        }
        if magic != Self.magic { throw SkiffError("invalid SIF magic") }
        if version != Self.version { throw SkiffError("incompatible SIF version") }
        try checkNumbers()
    }

    private func checkNumbers() throws(SkiffError) {
        guard (0...SIFFormat.maximumCapacity).contains(descriptorsTotal) else {
            throw SkiffError("invalid SIF header: \(descriptorsTotal) descriptors")
        }
        guard (0...descriptorsTotal).contains(descriptorsFree) else {
            throw SkiffError("invalid SIF header: \(descriptorsFree) of \(descriptorsTotal) descriptors free")
        }
        guard descriptorsOffset >= 0, dataOffset >= 0, dataSize >= 0 else {
            throw SkiffError("invalid SIF header: negative offset or size")
        }
        // The reference reads min(size, total * 585) bytes and runs into the end.
        guard descriptorsSize >= tableSize else { throw SkiffError("reading descriptors: unexpected EOF") }
    }

    /// How many bytes the slots take in the file.
    package var tableSize: Int64 { descriptorsTotal * Int64(SIFFormat.descriptorSize) }

    /// Images with the nil UUID and no times keep having no times when they are changed; Docs/spec/sif.md §8.
    package var isDeterministic: Bool {
        identifier == .zero && created == SIFFormat.zeroTime && modified == SIFFormat.zeroTime
    }

    /// The 128 bytes.
    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: SIFFormat.headerSize)
        writer.padded(launch, to: SIFFormat.launchSize)
        writer.append(Self.magic)
        writer.append(Self.version)
        writer.u16(UInt16(truncatingIfNeeded: architecture.rawValue))
        writer.u8(UInt8(truncatingIfNeeded: architecture.rawValue >> 16))
        writer.append(identifier.bytes)
        for number in [
            created, modified, descriptorsFree, descriptorsTotal, descriptorsOffset, descriptorsSize, dataOffset,
            dataSize,
        ] {
            writer.i64(number)
        }
        return writer.bytes
    }
}

extension ByteReader {
    /// Returns a fixed field of `count` bytes without trailing zeros. Unlike text it may contain zeros, and a rewritten
    /// file must have them again.
    @_lifetime(self: copy self)
    mutating func trimmed(_ count: Int) throws(Truncated) -> [UInt8] {
        var field = try array(count)
        field.removeLast(field.count - (field.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0))
        return field
    }
}
