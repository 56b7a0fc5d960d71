import COpenSSL
import PluginAPI
package import PluginKit

extension GocryptfsConfiguration {
    /// HKDF's label of the keys that encrypt contents.
    private static let contents = "AES-GCM file content encryption"

    /// Makes a master key and encrypts it.
    package static func make(passphrase: SecretBytes, masterKey: SecretBytes) throws(PluginError) -> Self {
        try Crypto.open()
        let salt = try Crypto.randomBytes(32)
        let plan = Self(encryptedKey: [], salt: salt, n: 65536, r: 8, p: 1)
        let cipher = try plan.cipher(CE_GCM_ENCRYPT, passphrase)
        let iv = try Crypto.randomBytes(Int(CE_GCM_IV))
        var key = [UInt8](repeating: 0, count: keySize)
        var tag = [UInt8](repeating: 0, count: Int(CE_GCM_TAG))
        let done = masterKey.withBytes { masterKey in
            ce_gcm(
                cipher.pointer, iv, blockZero, blockZero.count,
                masterKey.baseAddress?.assumingMemoryBound(to: UInt8.self),
                &key, key.count, &tag)
        }
        guard masterKey.count == keySize, done == 1 else { throw Crypto.refusal("encrypt the master key") }
        return Self(encryptedKey: iv + key + tag, salt: salt, n: plan.n, r: plan.r, p: plan.p)
    }

    /// The master key is encrypted as the first block of a file without an id.
    private static let blockZero = [UInt8](repeating: 0, count: 8)

    /// Decrypts the master key.
    package func masterKey(passphrase: SecretBytes) throws(PluginError) -> SecretBytes {
        try Crypto.open()
        let cipher = try cipher(CE_GCM_DECRYPT, passphrase)
        let result = try SecretBytes(count: Self.keySize)
        let iv = Array(encryptedKey.prefix(Int(CE_GCM_IV)))
        let sealed = Array(encryptedKey.dropFirst(Int(CE_GCM_IV)).dropLast(Int(CE_GCM_TAG)))
        var tag = Array(encryptedKey.suffix(Int(CE_GCM_TAG)))
        let done = result.withMutableBytes { out in
            ce_gcm(
                cipher.pointer, iv, Self.blockZero, Self.blockZero.count, sealed,
                out.baseAddress?.assumingMemoryBound(to: UInt8.self), sealed.count, &tag)
        }
        guard done == 1 else {
            throw PluginError("cannot open the image: the passphrase or key is wrong", status: SKIFF_E_DENIED)
        }
        return result
    }

    private func cipher(_ kind: ce_cipher_kind, _ passphrase: SecretBytes) throws(PluginError) -> BlockCipher {
        let derived = try SecretBytes(count: Self.keySize)
        let done = passphrase.withBytes { passphrase in
            derived.withMutableBytes { out in
                // What one pass needs besides the table is small.
                ce_scrypt(
                    passphrase.baseAddress?.assumingMemoryBound(to: UInt8.self), passphrase.count, salt, salt.count, n,
                    r, p,
                    2 << 30, out.baseAddress?.assumingMemoryBound(to: UInt8.self), out.count)
            }
        }
        guard done == 1 else {
            throw PluginError(
                "cannot derive the key of the image: scrypt fails, which needs \(n * r * 128 >> 20) MiB of memory",
                status: SKIFF_E_SYSTEM)
        }
        let key = try Self.contentKey(derived)
        return try key.withBytes { key throws(PluginError) in try BlockCipher(kind, key: key, contexts: 1) }
    }

    /// Returns the key for contents that belongs to a key.
    static func contentKey(_ key: SecretBytes) throws(PluginError) -> SecretBytes {
        try Crypto.open()
        let result = try SecretBytes(count: keySize)
        let done = key.withBytes { key in
            result.withMutableBytes { out in
                ce_hkdf(
                    key.baseAddress?.assumingMemoryBound(to: UInt8.self), key.count, contents,
                    out.baseAddress?.assumingMemoryBound(to: UInt8.self), out.count)
            }
        }
        guard done == 1 else { throw Crypto.refusal("derive a key") }
        return result
    }
}
