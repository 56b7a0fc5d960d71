package import Base
package import Core
import Linux
package import Signing

/// Checks the OpenPGP signatures of SIF files with the keys of the administrator, of the user and of the key servers in
/// use, in this order (Docs/spec/signing.md §7).
package struct SignatureCheck: Sendable {
    private let installation: Installation

    package init(_ installation: Installation) { self.installation = installation }

    /// - Parameters:
    ///   - file: an open SIF file, lent.
    ///   - fingerprints: the fingerprints of keys that must have signed everything; an unsigned image never passes.
    package func verify(_ file: CInt, _ image: SIFImage, signedBy fingerprints: [String] = [])
        throws(VerificationError)
    {
        let verifier = Verifier(file, image, clearSigned: ClearSignVerifier(sources))
        if fingerprints.isEmpty {
            try verifier.verify()
        } else {
            try verifier.verify(signedBy: fingerprints)
        }
    }

    /// Checks the file at a path.
    package func verify(_ path: String) throws(VerificationError) {
        let file = try VerificationError.checked { () throws(SkiffError) in
            try during("cannot read \(path)") { () throws(Errno) in try open(path, 0) }
        }
        let image = try VerificationError.checked { () throws(SkiffError) in try SIFImage(reading: file.raw) }
        try verify(file.raw, image)
    }

    private var sources: [any KeySource] {
        let installation = installation
        return [
            KeyringFile.ofInstallation(installation), KeyringFile.ofUser(),
            KeyserverKeys { () throws(SkiffError) in try RemoteFiles(installation).keyservers() },
        ]
    }
}
