package import Base

/// Verifies messages of one kind: clear-signed ones with OpenPGP keys, or envelopes with bare keys and certificates.
package protocol MessageVerifier {
    /// - Parameter bytes: the whole signature object.
    /// - Returns: what was signed, and by whom. Nothing in the message may be used before this has succeeded.
    func verify(_ bytes: [UInt8]) throws(MessageProblem) -> VerifiedMessage
}

/// A message whose signature is good.
package struct VerifiedMessage: Sendable {
    package let text: [UInt8]
    /// Nil for a kind of signature that names no signer.
    package let signer: Signer?

    package init(text: [UInt8], signer: Signer?) { (self.text, self.signer) = (text, signer) }
}

/// The owner of the key that made a signature.
package struct Signer: Sendable, Equatable {
    /// The fingerprint of the primary key: 20 bytes, or more for newer kinds of keys.
    package let fingerprint: [UInt8]
    /// `Name (comment) <address>`.
    package let userID: String
    /// Where the key was found.
    package let origin: KeyOrigin

    package init(fingerprint: [UInt8], userID: String, origin: KeyOrigin) {
        (self.fingerprint, self.userID, self.origin) = (fingerprint, userID, origin)
    }
}

/// Where a key comes from, in the order of lookup.
package enum KeyOrigin: Sendable, Equatable { case global, local, keyserver }

package enum MessageProblem: Error, Sendable {
    /// The signature is bad, with the reason, in Apptainer's words if it has any.
    case invalid(String)
    /// The signature could not be checked.
    case notChecked(SkiffError)
}
