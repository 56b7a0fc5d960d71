package import Linux

/// A file system inside an image file.
package struct ImageSection: Sendable, Equatable {
    package let filesystem: SIFFilesystem
    package let range: ByteRange
    /// The SIF object's id; 0 when the file is not a SIF.
    package let id: UInt32

    package init(filesystem: SIFFilesystem, range: ByteRange, id: UInt32 = 0) {
        self.filesystem = filesystem
        self.range = range
        self.id = id
    }
}

extension SIFFilesystem {
    /// For messages.
    package var label: String {
        switch self {
        case .squashfs: "Squashfs"
        case .ext3: "Ext3"
        case .archive: "Archive"
        case .raw: "Raw"
        case .encryptedSquashfs: "Encrypted squashfs"
        case .gocryptfsSquashfs: "Gocryptfs squashfs"
        default: "Unknown"
        }
    }
}
