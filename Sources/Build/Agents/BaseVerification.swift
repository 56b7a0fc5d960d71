import Base
import Core
import Linux
import Registry
import Signing
import Synchronization

/// The signatures of the SIF that a stage starts from (Docs/spec/deffile.md §2). With `Fingerprints:` all that it lists
/// must have signed; without it a bad signature is a warning, and a SIF without any is accepted.
///
/// An image is verified also when the result of an earlier build is used: keys may have been revoked since.
package final class BaseVerification: Sendable {
    private let fingerprints: [String]
    private let check: SignatureCheck
    private let isTold = Atomic(false)
    /// The state of the file that was looked at.
    private let known = Mutex<String?>(nil)

    init(_ fingerprints: [String], _ installation: Installation) {
        self.fingerprints = fingerprints
        check = SignatureCheck(installation)
    }

    convenience init(_ stage: Stage, _ installation: Installation) { self.init(stage.fingerprints, installation) }

    /// - Parameters:
    ///   - image: is verified through its descriptor, which is also what is unpacked. A file that has not changed since
    ///     then is not read again.
    ///   - path: for messages.
    func verify(_ image: borrowing ImageSource, _ path: String) throws(SkiffError) {
        guard let sif = image.sif else { return demandNothing("\(path) is no SIF") }
        let state = try TreeDigest.state(of: image.descriptor.raw)
        if known.withLock({ $0 == state }) { return }
        do throws(VerificationError) {
            if fingerprints.isEmpty {
                Log.info("Verifying bootstrap image \(path)")
            } else {
                let list = fingerprints.joined(separator: " ")
                Log.info("Checking bootstrap image verifies with fingerprint(s): [\(list)]")
            }
            try check.verify(image.descriptor.raw, sif, signedBy: fingerprints)
        } catch {
            try refuse(error)
        }
        known.withLock { $0 = state }
    }

    private func refuse(_ error: VerificationError) throws(SkiffError) {
        guard fingerprints.isEmpty else {
            throw error.described("While performing build: conveyor failed to get: while checking fingerprint")
        }
        if case .signatureNotFound = error { return Log.debug(error.description) }
        Log.warning(error.description)
        Log.warning("Bootstrap image could not be verified, but build will continue.")
    }

    /// Warns that what the definition demands is not looked at.
    func demandNothing(_ reason: String) {
        if fingerprints.isEmpty || isTold.exchange(true, ordering: .relaxed) { return }
        Log.warning("Ignoring Fingerprints: \(reason), and nothing else has signatures")
    }
}

extension Stage {
    /// The fingerprints that `Fingerprints:` lists, separated by commas, up to a comment.
    var fingerprints: [String] {
        let text = (value("fingerprints") ?? "").prefix { $0 != "#" }
        if text.allSatisfy(\.isWhitespace) { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            var part = part.drop(while: \.isWhitespace)
            while part.last?.isWhitespace == true { part.removeLast() }
            return String(part)
        }
    }
}
