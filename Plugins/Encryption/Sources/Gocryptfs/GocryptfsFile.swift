import COpenSSL
package import PluginKit

/// Where the parts of an encrypted file lie: a header of 18 bytes, then blocks of IV, at most 4096 bytes, and tag.
package enum GocryptfsFile {
    package static let headerSize = 18
    package static let blockSize = 4096
    /// What a block takes more.
    package static let overhead = 32
    package static let storedBlockSize = blockSize + overhead
    package static let idSize = 16

    /// - Returns: the file's id; nil for another version.
    package static func id(ofHeader bytes: some Collection<UInt8>) -> [UInt8]? {
        guard bytes.count == headerSize, bytes.starts(with: [0, 2]) else { return nil }
        let id = Array(bytes.dropFirst(2))
        // What was never written is a hole.
        return id.allSatisfy { $0 == 0 } ? nil : id
    }

    package static func header(id: [UInt8]) -> [UInt8] { [0, 2] + id }

    /// - Returns: the size of the content of a file; nil for one that was cut off.
    package static func plainSize(stored: UInt64) -> UInt64? {
        if stored == 0 { return 0 }
        guard stored > UInt64(headerSize) else { return nil }
        let (whole, rest) = (stored - UInt64(headerSize)).quotientAndRemainder(dividingBy: UInt64(storedBlockSize))
        if rest == 0 { return whole * UInt64(blockSize) }
        return rest > UInt64(overhead) ? whole * UInt64(blockSize) + rest - UInt64(overhead) : nil
    }

    /// - Returns: nil for a size that no file has.
    package static func storedSize(plain: UInt64) -> UInt64? {
        if plain == 0 { return 0 }
        let blocks = (plain - 1) / UInt64(blockSize) + 1
        let (more, overflow) = plain.addingReportingOverflow(UInt64(headerSize) + blocks * UInt64(overhead))
        return overflow ? nil : more
    }

    /// Of a block in the stored file.
    package static func offset(ofBlock number: UInt64) -> UInt64 {
        UInt64(headerSize) &+ number &* UInt64(storedBlockSize)
    }
}

/// AES-256-GCM of the blocks of one file. Several threads may use it; it allocates nothing but in `init`.
package final class GocryptfsCipher: Sendable {
    private let cipher: BlockCipher
    private let id: (UInt64, UInt64)

    /// - Parameters:
    ///   - id: that of the file, 16 bytes.
    ///   - threads: how many of them work at once.
    package init(
        _ direction: SectorCipher.Direction, masterKey: SecretBytes, id: [UInt8], threads: Int
    ) throws(PluginError) {
        guard id.count == GocryptfsFile.idSize else { throw PluginError("cannot use a file id of \(id.count) bytes") }
        self.id = id.withUnsafeBytes {
            ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        cipher = try GocryptfsConfiguration.contentKey(masterKey).withBytes { key throws(PluginError) in
            try BlockCipher(direction == .encrypting ? CE_GCM_ENCRYPT : CE_GCM_DECRYPT, key: key, contexts: threads)
        }
    }

    /// Decrypts a block.
    ///
    /// - Parameters:
    ///   - stored: IV, content and tag.
    ///   - plain: room for `stored.count - 32` bytes.
    /// - Returns: false for what was changed.
    package func decrypt(
        _ number: UInt64, _ stored: UnsafeRawBufferPointer, into plain: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let count = stored.count - GocryptfsFile.overhead
        guard (1...GocryptfsFile.blockSize).contains(count), plain.count == count, let base = stored.baseAddress,
            let out = plain.baseAddress
        else { return false }
        if count == GocryptfsFile.blockSize && stored.allSatisfy({ $0 == 0 }) {
            plain.initializeMemory(as: UInt8.self, repeating: 0)
            return true
        }
        var tag = (UInt64(0), UInt64(0))
        return withUnsafeMutableBytes(of: &tag) { tag in
            tag.copyMemory(from: UnsafeRawBufferPointer(start: base + 16 + count, count: 16))
            return run(number, base, base + 16, out, count, tag)
        }
    }

    /// Encrypts a block.
    ///
    /// - Parameters:
    ///   - iv: random, 16 bytes.
    ///   - stored: room for `plain.count + 32` bytes.
    package func encrypt(
        _ number: UInt64, iv: UnsafeRawBufferPointer, _ plain: UnsafeRawBufferPointer,
        into stored: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard (1...GocryptfsFile.blockSize).contains(plain.count), iv.count == Int(CE_GCM_IV),
            stored.count == plain.count + GocryptfsFile.overhead, let base = stored.baseAddress,
            let content = plain.baseAddress
        else { return false }
        stored.copyBytes(from: iv)
        let tag = UnsafeMutableRawBufferPointer(rebasing: stored[(16 + plain.count)...])
        return run(number, UnsafeRawPointer(base), content, base + 16, plain.count, tag)
    }

    private func run(
        _ number: UInt64, _ iv: UnsafeRawPointer, _ content: UnsafeRawPointer, _ out: UnsafeMutableRawPointer,
        _ count: Int,
        _ tag: UnsafeMutableRawBufferPointer
    ) -> Bool {
        // The number of the block, most significant byte first, and the file's id keep blocks in their places.
        var more = (number.bigEndian, id.0, id.1)
        return withUnsafeBytes(of: &more) { more in
            ce_gcm(
                cipher.pointer, iv.assumingMemoryBound(to: UInt8.self),
                more.baseAddress?.assumingMemoryBound(to: UInt8.self),
                more.count, content.assumingMemoryBound(to: UInt8.self), out.assumingMemoryBound(to: UInt8.self), count,
                tag.baseAddress?.assumingMemoryBound(to: UInt8.self)) == 1
        }
    }
}
