package import PluginKit

/// An opened volume: what the image server needs to read it. As bytes, it goes from one process to the other.
package struct KeptVolume {
    package enum Kind: Equatable, Sendable {
        /// LUKS2: sectors of AES-XTS. Tweaks count 512 bytes.
        case sectors(size: Int, firstTweak: UInt64)
        /// gocryptfs: blocks of AES-GCM, in a file with this id, of which the first bytes lie at `place` and, if it is in two
        /// parts, the others from `split` on at `rest`.
        case blocks(id: [UInt8], split: UInt64, rest: UInt64)
    }

    package let kind: Kind
    /// Where the encrypted bytes begin in the image.
    package let place: UInt64
    /// Of the plain volume, in bytes.
    package let size: UInt64
    package let key: SecretBytes

    package init(_ kind: Kind, place: UInt64, size: UInt64, key: SecretBytes) {
        (self.kind, self.place, self.size, self.key) = (kind, place, size, key)
    }

    private static let head = 6 * 8
    private static let sectorKind: UInt64 = 5
    private static let blockKind: UInt64 = 6

    /// Passes it as bytes: six numbers, a key, and the id of a file.
    package func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(PluginError) -> Result
    ) throws(PluginError) -> Result {
        let numbers: [UInt64]
        var tail: [UInt8] = []
        switch kind {
        case .sectors(let size, let tweak):
            numbers = [Self.sectorKind, place, self.size, UInt64(size), tweak, UInt64(key.count)]
        case .blocks(let id, let split, let rest):
            numbers = [Self.blockKind, place, self.size, split, rest, UInt64(key.count)]
            tail = id
        }
        let bytes = try SecretBytes(count: Self.head + key.count + tail.count)
        bytes.withMutableBytes { room in
            for (index, number) in numbers.enumerated() {
                room.storeBytes(of: number.littleEndian, toByteOffset: index * 8, as: UInt64.self)
            }
            key.withBytes { key in
                UnsafeMutableRawBufferPointer(rebasing: room[Self.head...]).copyMemory(from: key)
            }
            for (index, byte) in tail.enumerated() { room[Self.head + key.count + index] = byte }
        }
        return try bytes.withBytes(body)
    }

    /// - Returns: nil for other bytes.
    package init?(_ bytes: UnsafeRawBufferPointer) throws(PluginError) {
        guard bytes.count >= Self.head else { return nil }
        let numbers = (0..<6).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        guard let count = Int(exactly: numbers[5]), count <= bytes.count - Self.head else { return nil }
        let tail = Array(bytes[(Self.head + count)...])
        switch numbers[0] {
        case Self.sectorKind:
            guard let size = Int(exactly: numbers[3]), tail.isEmpty else { return nil }
            kind = .sectors(size: size, firstTweak: numbers[4])
        case Self.blockKind: kind = .blocks(id: tail, split: numbers[3], rest: numbers[4])
        default: return nil
        }
        (place, size) = (numbers[1], numbers[2])
        key = try SecretBytes(copying: UnsafeRawBufferPointer(rebasing: bytes[Self.head..<Self.head + count]))
    }
}
