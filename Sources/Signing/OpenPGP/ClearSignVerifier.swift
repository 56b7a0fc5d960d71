package import Base
import CRNP

/// A source of public keys.
package protocol KeySource {
    var origin: KeyOrigin { get }

    /// - Parameter keyID: 16 hexadecimal digits, of a primary key or subkey.
    /// - Returns: only that key; nil when the source does not have it.
    /// - Throws: when the source cannot be read. A source that may be absent returns nil instead.
    func key(_ keyID: String) throws(SkiffError) -> PublicKeys?
}

/// Verifies clear-signed OpenPGP messages. Sources are asked in order and the first that has the key decides, so that
/// an administrator's version of a key takes precedence.
///
/// Apptainer's rules apply in addition to librnp's: the signature uses SHA-2, and the key is neither revoked nor
/// expired now, no matter when the signature was made.
package struct ClearSignVerifier: MessageVerifier {
    private let sources: [any KeySource]

    package init(_ sources: [any KeySource]) { self.sources = sources }

    private static let hashes: Set<String> = ["SHA224", "SHA256", "SHA384", "SHA512"]
    private static let documents: Set<String> = ["text", "binary"]

    package func verify(_ bytes: [UInt8]) throws(MessageProblem) -> VerifiedMessage {
        guard let message = ClearSignedMessage(in: bytes) else { throw .invalid("clearsigned message not found") }
        let (index, holder, origin) = try find(message)
        let (signatures, text) = try checked { () throws(SkiffError) in try holder.check(message) }
        guard signatures.indices.contains(index), let key = signatures[index].key else { throw Self.unknownEntity }
        let signature = signatures[index]
        if let reason = Self.objection(to: signature, by: key) { throw .invalid("openpgp: " + reason) }
        return VerifiedMessage(
            text: text, signer: Signer(fingerprint: key.fingerprint, userID: key.userID, origin: origin))
    }

    /// Returns the first signature whose key a source has.
    private func find(_ message: ClearSignedMessage) throws(MessageProblem) -> (Int, PublicKeys, KeyOrigin) {
        let (signatures, _) = try checked { () throws(SkiffError) in try PublicKeys([]).check(message) }
        for (index, signature) in signatures.enumerated() {
            guard let keyID = signature.keyID else {
                throw .invalid("openpgp: invalid data: signature doesn't have an issuer")
            }
            guard let hash = signature.hash, Self.hashes.contains(hash) else {
                throw .invalid(
                    "openpgp: invalid data: hash algorithm or salt mismatch with cleartext message headers")
            }
            for source in sources {
                let key = try checked { () throws(SkiffError) in try source.key(keyID) }
                if let key { return (index, key, source.origin) }
            }
        }
        throw Self.unknownEntity
    }

    private static var unknownEntity: MessageProblem { .invalid("openpgp: signature made by unknown entity") }

    /// Returns why a signature does not count, or nil if it does.
    private static func objection(to signature: PublicKeys.Signature, by key: PublicKeys.KeyFacts) -> String? {
        if let issuer = signature.issuer, issuer != key.ownFingerprint {
            return "invalid data: signature names two issuers"
        }
        if key.isRevoked { return "signature made by revoked key" }
        if key.isExpired { return "key expired" }
        if !key.isValid { return "invalid key: it has no self-signature that is good and of a hash that is safe" }
        if signature.status == SKL_RNP_SIGNATURE_EXPIRED { return "signature expired" }
        guard signature.status == SKL_RNP_SUCCESS, documents.contains(signature.type ?? "") else {
            return "invalid signature: it was not made of this text with this key"
        }
        return nil
    }

    private func checked<Result>(_ body: () throws(SkiffError) -> Result) throws(MessageProblem) -> Result {
        do throws(SkiffError) {
            return try body()
        } catch {
            throw .notChecked(error)
        }
    }
}
