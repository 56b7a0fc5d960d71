/// The fixed part of a LUKS2 header; "LUKS2 On-Disk Format Specification", §2.1. Big-endian. There are two copies, each of which is
/// followed by its JSON.
package struct LUKSBinaryHeader: Equatable, Sendable {
    /// With the JSON, in bytes.
    package let size: Int
    /// The copy with the higher one is newer.
    package let sequence: UInt64
    /// `sha256`.
    package let checksumAlgorithm: String
    package let checksum: [UInt8]

    package static let length = 4096
    /// Where the checksum lies, which counts as zeros in itself.
    package static let checksumRange = 448..<512
    /// The sizes that the specification knows; larger ones are refused: cryptsetup makes 16 KiB.
    package static let sizes = [16, 32, 64, 128, 256, 512, 1024].map { $0 << 10 }

    package enum Copy: Sendable { case first, second }

    /// Nil for bytes that are no such header: no magic, another version, another place.
    package init?(_ bytes: [UInt8], _ copy: Copy, at offset: Int) {
        guard bytes.count >= Self.length else { return nil }
        let magic = copy == .first ? Array("LUKS".utf8) : Array("SKUL".utf8)
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        guard Array(bytes[..<6]) == magic + [0xBA, 0xBE], number(6..<8) == 2, number(256..<264) == UInt64(offset),
            let size = Int(exactly: number(8..<16)), Self.sizes.contains(size)
        else { return nil }
        self.size = size
        sequence = number(16..<24)
        checksumAlgorithm = String(decoding: bytes[72..<104].prefix { $0 != 0 }, as: UTF8.self)
        checksum = Array(bytes[Self.checksumRange])
    }
}

/// The newer of the two copies that are whole.
package struct LUKSHeaderCopy: Sendable {
    /// Where it lies, in bytes.
    package let offset: Int
    package let binary: LUKSBinaryHeader
    /// The text without the zeros that follow it.
    package let json: [UInt8]

    /// Bytes that are read to find it.
    package static let reach = 2 * (LUKSBinaryHeader.sizes.last ?? 0)

    /// - Parameters:
    ///   - bytes: the beginning of the volume, `reach` of them where there are so many.
    ///   - digest: SHA-256.
    package init(findIn bytes: [UInt8], digest: ([UInt8]) throws(LUKSProblem) -> [UInt8]) throws(LUKSProblem) {
        var found: [LUKSHeaderCopy] = []
        if let first = try Self.read(bytes, .first, at: 0, digest) { found.append(first) }
        for offset in LUKSBinaryHeader.sizes {
            guard let second = try Self.read(bytes, .second, at: offset, digest), second.binary.size == offset else {
                continue
            }
            found.append(second)
            break
        }
        guard var newest = found.first else {
            throw LUKSProblem("neither copy of the header is whole: it is damaged, or no LUKS2 header")
        }
        if let other = found.dropFirst().first, other.binary.sequence > newest.binary.sequence { newest = other }
        self = newest
    }

    private init(offset: Int, binary: LUKSBinaryHeader, json: [UInt8]) {
        (self.offset, self.binary, self.json) = (offset, binary, json)
    }

    /// Nil where there is no whole copy.
    private static func read(
        _ bytes: [UInt8], _ copy: LUKSBinaryHeader.Copy, at offset: Int,
        _ digest: ([UInt8]) throws(LUKSProblem) -> [UInt8]
    ) throws(LUKSProblem) -> LUKSHeaderCopy? {
        guard offset < bytes.count else { return nil }
        guard let binary = LUKSBinaryHeader(Array(bytes[offset...].prefix(LUKSBinaryHeader.length)), copy, at: offset),
            binary.checksumAlgorithm == "sha256", bytes.count - offset >= binary.size
        else { return nil }
        var all = Array(bytes[offset..<offset + binary.size])
        for index in LUKSBinaryHeader.checksumRange { all[index] = 0 }
        let expected = Array(binary.checksum.prefix(32))
        guard try digest(all) == expected else { return nil }
        return LUKSHeaderCopy(
            offset: offset, binary: binary, json: Array(all[LUKSBinaryHeader.length...].prefix { $0 != 0 }))
    }
}

/// Why a volume is not opened; follows "cannot open FILE: ".
package struct LUKSProblem: Error, Equatable, Sendable {
    package let reason: String
    package init(_ reason: String) { self.reason = reason }
}
