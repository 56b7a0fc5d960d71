import COpenSSL
package import PluginKit

/// AES-256-XTS of the sectors of a volume, as `aes-xts-plain64` of dm-crypt has it: the tweak of a sector is the number of 512-byte units
/// before it, whatever its size.
package final class SectorCipher: Sendable {
    package enum Direction: Sendable { case encrypting, decrypting }

    package let sectorSize: Int
    private let firstUnit: UInt64
    private let cipher: BlockCipher

    /// - Parameters:
    ///   - key: the volume key, 64 bytes.
    ///   - sectorSize: 512, 1024, 2048 or 4096.
    ///   - firstUnit: the tweak of the first sector.
    ///   - threads: how many of them work at once.
    package init(
        _ direction: Direction, key: SecretBytes, sectorSize: Int, firstUnit: UInt64 = 0, threads: Int
    ) throws(PluginError) {
        guard [512, 1024, 2048, 4096].contains(sectorSize) else {
            throw PluginError("cannot use sectors of \(sectorSize) bytes")
        }
        (self.sectorSize, self.firstUnit) = (sectorSize, firstUnit)
        cipher = try key.withBytes { key throws(PluginError) in
            try BlockCipher(direction == .encrypting ? CE_XTS_ENCRYPT : CE_XTS_DECRYPT, key: key, contexts: threads)
        }
    }

    /// Works on whole sectors in place. Several threads may call it; allocates nothing.
    ///
    /// - Parameter offset: of the first byte in the plain volume.
    /// - Returns: false for a part of a sector.
    package func run(_ bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        guard offset % UInt64(sectorSize) == 0, bytes.count % sectorSize == 0 else { return false }
        let start = base.assumingMemoryBound(to: UInt8.self)
        // The counter of dm-crypt wraps, too.
        return ce_xts(cipher.pointer, firstUnit &+ offset / 512, sectorSize, start, start, bytes.count) == 1
    }
}
