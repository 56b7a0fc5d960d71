import Base
import Core
import Linux
import Signing

/// Signature objects are foreign bytes, and so are the texts that they sign, before and after the signature is checked.
/// Any bytes must be recognized or refused; a message that was cut out must be itself again, and only a message that
/// somebody signed may come out as signed.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSignature(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    if let metadata = try? ImageMetadata(parsing: bytes) {
        precondition(Set(metadata.objects.map(\.relativeID)).count == metadata.objects.count)
        precondition(metadata.header.value.count == metadata.header.algorithm.size)
        #if FUZZ_CANARY
        let isRare = metadata.objects.contains { $0.data.algorithm.rawValue == "sha512_256" }
        precondition(!isRare, "the planted bug: an algorithm that nobody uses")
        #endif
    }
    switch SignatureFormat(bytes) {
    case .clearSigned(let message), .legacy(let message):
        precondition(ClearSignedMessage(in: message.bytes) == message)
        if let verified = try? verifier?.verify(message.bytes) { precondition(verified.signer != nil) }
    case .envelope, .unknown: break
    }
    return 0
}

/// With the keys that made the seeds.
nonisolated(unsafe) private let verifier: ClearSignVerifier? = {
    guard let bytes = try? readFile("Tests/Vectors/openpgp/keys.gpg"), let keys = try? PublicKeys(bytes) else {
        return nil
    }
    return ClearSignVerifier([Fixed(keys: keys)])
}()

private struct Fixed: KeySource {
    let origin = KeyOrigin.local
    let keys: PublicKeys

    func key(_ keyID: String) throws(SkiffError) -> PublicKeys? { try keys.only(keyID) }
}
