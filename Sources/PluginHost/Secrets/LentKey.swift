import Base
import Linux

/// The key of an encrypted image while a plugin opens or writes one: obtained at the first call that asks for it, and wiped with
/// this.
final class LentKey {
    private let source: KeySource?
    private let use: KeySource.Use
    private var key: ObtainedKey?

    static let names = ["passphrase", "pem"]
    /// What names of new ones begin with, and the flags for them.
    static let new = "new-"

    init(_ source: KeySource?, for use: KeySource.Use) { (self.source, self.use) = (source, use) }

    /// One that is known.
    init(passphrase: SecretMemory) {
        (source, use) = (nil, .opening)
        key = ObtainedKey(name: "passphrase", memory: passphrase)
    }

    /// Whether the user has named a source.
    var hasSource: Bool { source != nil }

    /// - Returns: nil when there is no key of this name.
    func lend(_ name: String, to borrower: (UnsafeRawBufferPointer) -> Int32) throws(SkiffError) -> Int32? {
        if key == nil { key = try source?.obtain(use) }
        guard let key, key.name == name else { return nil }
        return borrower(key.memory.bytes)
    }
}
