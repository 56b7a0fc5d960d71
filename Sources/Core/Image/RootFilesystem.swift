/// What a root file system can be, by the name that plans and helpers know.
package enum RootFilesystem: String, Sendable {
    /// A directory of the host.
    case directory
    case squashfs, ext3

    /// Nil for what is no root: archives, raw data, and what needs a key.
    package init?(_ filesystem: SIFFilesystem) {
        switch filesystem {
        case .squashfs: self = .squashfs
        case .ext3: self = .ext3
        default: return nil
        }
    }
}
