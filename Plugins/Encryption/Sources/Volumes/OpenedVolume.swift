import PluginKit

/// A volume whose key is known: what is needed to read it.
struct OpenedVolume {
    enum Kind: Equatable, Sendable {
        /// LUKS2: sectors of AES-XTS. Tweaks count 512 bytes.
        case sectors(size: Int, firstTweak: UInt64)
        /// gocryptfs: blocks of AES-GCM, in a file with this id, of which the first bytes lie at `place` and, if it is in two
        /// parts, the others from `split` on at `rest`.
        case blocks(id: [UInt8], split: UInt64, rest: UInt64)
    }

    let kind: Kind
    /// Where the encrypted bytes begin in the image.
    let place: UInt64
    /// Of the plain volume, in bytes.
    let size: UInt64
    let key: SecretBytes

    init(_ kind: Kind, place: UInt64, size: UInt64, key: SecretBytes) {
        (self.kind, self.place, self.size, self.key) = (kind, place, size, key)
    }
}
