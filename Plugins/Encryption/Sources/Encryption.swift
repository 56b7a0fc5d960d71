import PluginAPI
public import PluginKit

/// Encrypted root file systems of images: `skiff.crypto/2` for LUKS2 and gocryptfs.
public final class Encryption: Plugin {
    public let id = "org.skiff.encryption"
    public let version = "0.1.0"
    public let name = "Encryption"
    public let phases: Set<PluginPhase> = []
    public let tables: [String: UnsafeRawPointer] = [SKIFF_EXT_CRYPTO: CryptoTable.make()]

    public init() {}

    public var handlers: [Handler] { KeyCommands.handlers }
}
