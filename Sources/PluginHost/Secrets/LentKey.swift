import Base
import Linux

/// The key of an encrypted image while a plugin opens or writes one: obtained at the first call that asks for it, and wiped with
/// this.
final class LentKey {
    private let source: KeySource?
    private let use: KeySource.Use
    private var key: ObtainedKey?

    static let names = ["passphrase", "pem"]

    init(_ source: KeySource?, for use: KeySource.Use) { (self.source, self.use) = (source, use) }

    /// Whether the user has named a source.
    var hasSource: Bool { source != nil }

    /// - Returns: nil when there is no key of this name.
    func lend(_ name: String, to borrower: (UnsafeRawBufferPointer) -> Int32) throws(SkiffError) -> Int32? {
        guard let source else { return nil }
        let obtained: ObtainedKey
        if let key { obtained = key } else { obtained = try source.obtain(use) }
        key = obtained
        return obtained.name == name ? borrower(obtained.memory.bytes) : nil
    }
}
