package import Base

/// Checks messages of one kind: clear-signed ones with OpenPGP keys, or envelopes with bare keys and certificates.
package protocol MessageVerifier {
    /// - Parameter bytes: the whole signature object.
    /// - Returns: what was signed, and by whom. Nothing of the message counts before this has succeeded.
    func verify(_ bytes: [UInt8]) throws(MessageProblem) -> VerifiedMessage
}

/// A message whose signature is good.
package struct VerifiedMessage: Sendable {
    package let text: [UInt8]
    /// Nil for kinds of signatures that name nobody.
    package let signer: Signer?

    package init(text: [UInt8], signer: Signer?) { (self.text, self.signer) = (text, signer) }
}

/// Whose key a signature was made with.
package struct Signer: Sendable, Equatable {
    /// 20 bytes, of the primary key; a newer kind of key has more.
    package let fingerprint: [UInt8]
    /// `Name (comment) <address>`.
    package let userID: String
    /// Where the key was found.
    package let origin: KeyOrigin

    package init(fingerprint: [UInt8], userID: String, origin: KeyOrigin) {
        (self.fingerprint, self.userID, self.origin) = (fingerprint, userID, origin)
    }
}

/// Where keys come from, in the order in which they are looked for.
package enum KeyOrigin: Sendable, Equatable { case global, local, keyserver }

package enum MessageProblem: Error, Sendable {
    /// The signature is not good; a reason in Apptainer's words, where it has some.
    case invalid(String)
    /// It could not be checked.
    case notChecked(SkiffError)
}
