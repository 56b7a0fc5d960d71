import PluginAPI
import PluginKit

/// What unwraps the secret of an image: a key in a text of PEM, or one in a token.
enum PrivateKey {
    case pem(RSAKey)
    case token(TokenKey)

    init(_ session: Session, _ text: UnsafeRawBufferPointer) throws(PluginError) {
        if let token = try TokenKey(session, text) {
            self = .token(token)
        } else {
            self = .pem(try RSAKey(privateKey: text, name: "that was given"))
        }
    }

    /// Each recipient has a secret; that of this key is found by trying.
    /// - Throws: the last reason why none is.
    func unwrap(_ wrapped: [[UInt8]]) throws(PluginError) -> (index: Int, secret: SecretBytes) {
        switch self {
        case .token(let key): return try key.unwrap(wrapped)
        case .pem(let key):
            var failure: PluginError?
            for (index, bytes) in wrapped.enumerated() {
                do throws(PluginError) {
                    return (index, try key.unwrap(bytes))
                } catch {
                    failure = error
                }
            }
            throw failure ?? PluginError("cannot open the image: it has no wrapped key", status: SKIFF_E_DENIED)
        }
    }
}
