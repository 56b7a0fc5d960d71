import COpenSSL
import PluginAPI
import PluginKit

/// A private key that stays in a token of PKCS#11, by its URI (RFC 7512). `skiff-token` has OpenSSL use it.
struct TokenKey {
    private let session: Session
    private let uri: SecretBytes

    private static let scheme = Array("pkcs11:".utf8)
    private static let program = "skiff-token"
    /// Of a URI, and of a secret, in bytes.
    private static let longest = 4000

    /// - Returns: nil for a text that is no such URI.
    init?(_ session: Session, _ text: UnsafeRawBufferPointer) throws(PluginError) {
        guard text.starts(with: Self.scheme) else { return nil }
        let line = text.prefix { $0 > 0x20 && $0 < 0x7F }
        guard text[line.endIndex...].allSatisfy({ [0x0A, 0x0D, 0x20].contains($0) }), line.count <= Self.longest else {
            throw PluginError("cannot use the key in a token: what begins with pkcs11: is no URI")
        }
        self.session = session
        uri = try SecretBytes(copying: UnsafeRawBufferPointer(rebasing: line))
    }

    /// - Parameter wrapped: secrets for several keys; the first that was wrapped for this one is taken.
    func unwrap(_ wrapped: [[UInt8]]) throws(PluginError) -> (index: Int, secret: SecretBytes) {
        let (address, output) = (try Pipe(), try Pipe())
        try address.fill(uri)
        let messages = try file(wrapped)
        let program = try session.directory("libexec") + "/" + Self.program
        let status = try session.run(
            program, ["unwrap"], environment: Crypto.environmentWithoutKeys(),
            descriptors: [(3, address.reading), (4, messages.descriptor), (5, output.writing)])
        switch status {
        case 0:
            let answer = try output.takeAll(atMost: Self.longest)
            let index = answer.withBytes { $0.first.map { Int($0) } ?? Int.max }
            guard index < wrapped.count, answer.count > 4 else {
                throw PluginError(
                    "cannot use the key in a token: \(Self.program) has no answer", status: SKIFF_E_INTERNAL)
            }
            return (index, try answer.dropFirst(4))
        case 2:
            throw PluginError(
                "cannot open the image with the key in a token: its secret was not encrypted for that key",
                status: SKIFF_E_DENIED)
        case 3:
            throw PluginError(
                "cannot use the key in a token: OpenSSL has no provider or engine for PKCS#11\n"
                    + "Install the package pkcs11-provider, or libengine-pkcs11-openssl")
        case 4:
            throw PluginError(
                "cannot use the key in a token: no token has such a private key, or its PIN is wrong\n"
                    + "List them: pkcs11-tool --list-objects --login; the PIN comes from ?pin-source=file:FILE in the URI",
                status: SKIFF_E_DENIED)
        default:
            throw PluginError(
                "cannot use the key in a token: \(Self.program) ended with status \(status)", status: SKIFF_E_SYSTEM)
        }
    }

    private func file(_ wrapped: [[UInt8]]) throws(PluginError) -> HostFile {
        do throws(SystemError) {
            let file = try HostFile(inMemory: "wrapped")
            var offset: Int64 = 0
            for message in wrapped {
                let size = withUnsafeBytes(of: UInt32(clamping: message.count).littleEndian) { Array($0) }
                try Host.write(size + message, to: file.descriptor, at: offset)
                offset += Int64(4 + message.count)
            }
            return file
        } catch {
            throw PluginError("cannot hand the wrapped key over", error)
        }
    }
}
