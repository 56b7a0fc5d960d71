/// The kinds of root file system, by the names that plans and helpers use.
package enum RootFilesystem: String, Sendable {
    /// A directory of the host.
    case directory
    case squashfs, ext3

    /// Nil for what cannot be a root: archives, raw data, and anything that needs a key.
    package init?(_ filesystem: SIFFilesystem) {
        switch filesystem {
        case .squashfs: self = .squashfs
        case .ext3: self = .ext3
        default: return nil
        }
    }
}
