import EncryptionPlugin
import PluginKit

/// What holds the keys of an encrypted image is anybody's: gocryptfs.conf, the header of a file, the object with a wrapped secret, a
/// key file. Any bytes must be refused or read; what was read must come back the same from its own text, and demand no more than is allowed.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzKeyMaterial(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    do throws(PluginError) {
        let configuration = try GocryptfsConfiguration(parsing: bytes)
        precondition(configuration.n.multipliedReportingOverflow(by: configuration.r * 128).partialValue <= 1 << 30)
        precondition(configuration.encryptedKey.count == 64 && !configuration.salt.isEmpty)
        precondition((try? GocryptfsConfiguration(parsing: configuration.text)) == configuration, "not read back")
    } catch {
        #if FUZZ_CANARY
        precondition(!(error.message ?? "").contains("the feature "), "the planted bug: a feature that is not known")
        #endif
    }
    if let id = GocryptfsFile.id(ofHeader: bytes) { precondition(GocryptfsFile.header(id: id) == bytes) }
    if let plain = GocryptfsFile.plainSize(stored: UInt64(size)) {
        precondition(GocryptfsFile.storedSize(plain: plain) == UInt64(size), "a size that no file has")
    }
    bytes.withUnsafeBytes { text in
        if let wrapped = try? KeyMessage.wrapped(in: text) {
            let again = KeyMessage.text(wrapped)
            precondition(again.withUnsafeBytes { try? KeyMessage.wrapped(in: $0) } == wrapped, "not read back")
        }
        _ = try? RSAKey(publicKey: text, name: "fuzz")
        _ = try? RSAKey(privateKey: text, name: "fuzz")
    }
    return 0
}
