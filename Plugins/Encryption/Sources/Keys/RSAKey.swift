import COpenSSL
import PluginAPI
package import PluginKit

/// An RSA key of a PEM text: the public one wraps the secret of an image, the private one unwraps it. The first block counts, whatever
/// its label; it has PKCS#1, as Apptainer's files, or SubjectPublicKeyInfo or PKCS#8, as OpenSSL's.
package final class RSAKey {
    /// What messages call it, such as its path.
    package let name: String
    private let key: OpaquePointer
    /// Of its modulus and of what it makes, in bytes.
    private let size: Int

    /// What OAEP with SHA-256 adds to each block.
    private static let overhead = 66
    /// Shorter ones can be factored by anybody.
    private static let fewestBits = 1024
    /// The longest key that libcrypto works with.
    private static let mostBits = 16384

    package convenience init(publicKey text: UnsafeRawBufferPointer, name: String) throws(PluginError) {
        try self.init(CE_RSA_PUBLIC, text, name)
    }

    package convenience init(privateKey text: UnsafeRawBufferPointer, name: String) throws(PluginError) {
        try self.init(CE_RSA_PRIVATE, text, name)
    }

    private init(_ form: ce_rsa_form, _ text: UnsafeRawBufferPointer, _ name: String) throws(PluginError) {
        try Crypto.open()
        guard !text.starts(with: "pkcs11:".utf8) else {
            throw Self.problem(
                name, "it lies in a token", "Give its public key in a file: pkcs11-tool --read-object --type pubkey")
        }
        guard let block = try PEMBlock(firstOf: text) else {
            throw Self.problem(name, "it has no whole block of PEM", "Make one with ssh-keygen -m pem")
        }
        guard !block.isEncrypted else {
            throw Self.problem(
                name, "a passphrase protects it",
                "Make a copy without one in a safe place: openssl pkey -in FILE -out COPY")
        }
        guard let key = Self.read(form, block) else {
            let other = form == CE_RSA_PUBLIC ? CE_RSA_PRIVATE : CE_RSA_PUBLIC
            if let found = Self.read(other, block) {
                ce_rsa_free(found)
                throw form == CE_RSA_PUBLIC
                    ? Self.problem(
                        name, "it is a private key", "Give the public one: openssl rsa -in FILE -RSAPublicKey_out")
                    : Self.problem(name, "it is a public key", "Give the private one, which opens the image")
            }
            throw Self.problem(name, "its first block is no RSA key", "Make one with ssh-keygen -t rsa -m pem")
        }
        (self.key, self.name) = (key, name)
        let bits = Int(ce_rsa_bits(key))
        size = (bits + 7) / 8
        guard (Self.fewestBits...Self.mostBits).contains(bits) else {
            throw Self.problem(
                name, "it has \(bits) bits", "Use one with \(Self.fewestBits) to \(Self.mostBits); 2048 is usual")
        }
    }

    deinit { ce_rsa_free(key) }

    private static func read(_ form: ce_rsa_form, _ block: PEMBlock) -> OpaquePointer? {
        block.content.withBytes { ce_rsa_read(form, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count) }
    }

    private static func problem(_ name: String, _ reason: String, _ hint: String) -> PluginError {
        PluginError("cannot use the key \(name): \(reason)\n\(hint)")
    }

    /// Encrypts a secret in blocks of `size - 66` bytes, as Apptainer does.
    package func wrap(_ secret: SecretBytes) throws(PluginError) -> [UInt8] {
        var result: [UInt8] = []
        var start = 0
        repeat {
            let count = min(size - Self.overhead, secret.count - start)
            result += try secret.withBytes { bytes throws(PluginError) in
                let block = UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
                return try self.encrypt(block)
            }
            start += count
        } while start < secret.count
        return result
    }

    private func encrypt(_ block: UnsafeRawBufferPointer) throws(PluginError) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: size)
        var made = out.count
        let done = ce_rsa_encrypt(
            key, block.baseAddress?.assumingMemoryBound(to: UInt8.self), block.count, &out, &made)
        guard done == 1, made == size else { throw Crypto.refusal("encrypt with the key \(name)") }
        return out
    }

    /// Decrypts what `wrap` made.
    package func unwrap(_ wrapped: [UInt8]) throws(PluginError) -> SecretBytes {
        // Secrets have 64 bytes; nobody needs more blocks.
        guard !wrapped.isEmpty, wrapped.count % size == 0, wrapped.count / size <= 16 else { throw misfit }
        let result = try SecretBytes(count: wrapped.count)
        let block = try SecretBytes(count: size)
        var count = 0
        for start in stride(from: 0, to: wrapped.count, by: size) {
            try block.withMutableBytes { out throws(PluginError) in
                var made = out.count
                let done = wrapped[start..<start + size].withUnsafeBufferPointer {
                    ce_rsa_decrypt(
                        key, $0.baseAddress, $0.count, out.baseAddress?.assumingMemoryBound(to: UInt8.self), &made)
                }
                guard done == 1, made <= out.count else { throw misfit }
                result.withMutableBytes { all in
                    UnsafeMutableRawBufferPointer(rebasing: all[count..<count + made]).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: out[..<made]))
                }
                count += made
            }
        }
        return try result.prefix(count)
    }

    private var misfit: PluginError {
        PluginError(
            "cannot open the image with the key \(name): its secret was not encrypted for that key",
            status: SKIFF_E_DENIED)
    }
}
