package import COpenSSL
package import PluginKit

/// A key with contexts for several threads at once, which allocate nothing while they work.
package final class BlockCipher: @unchecked Sendable {
    package let pointer: OpaquePointer

    /// - Parameters:
    ///   - key: as long as the kind needs it.
    ///   - contexts: how many threads work at once.
    package init(_ kind: ce_cipher_kind, key: UnsafeRawBufferPointer, contexts: Int) throws(PluginError) {
        try Crypto.open()
        guard key.count == Self.keySize(kind),
            let made = ce_cipher_new(
                kind, key.baseAddress?.assumingMemoryBound(to: UInt8.self),
                UInt32(clamping: min(max(contexts, 1), Int(CE_CIPHER_MOST_CONTEXTS))))
        else { throw Crypto.refusal("use a key of \(key.count) bytes") }
        pointer = made
    }

    private static func keySize(_ kind: ce_cipher_kind) -> Int {
        switch kind {
        case CE_XTS_ENCRYPT, CE_XTS_DECRYPT: Int(CE_XTS_KEY)
        case CE_XTS_SHORT_DECRYPT: Int(CE_XTS_SHORT_KEY)
        default: Int(CE_GCM_KEY)
        }
    }

    deinit { ce_cipher_free(pointer) }
}
