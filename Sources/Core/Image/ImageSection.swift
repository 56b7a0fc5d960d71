/// A file system inside an image file.
package struct ImageSection: Sendable, Equatable {
    package let filesystem: SIFFilesystem
    /// From the start of the file, in bytes.
    package let offset: Int64
    package let size: Int64
    /// The SIF object; 0 when the file is no SIF.
    package let id: UInt32

    package init(filesystem: SIFFilesystem, offset: Int64, size: Int64, id: UInt32 = 0) {
        self.filesystem = filesystem
        self.offset = offset
        self.size = size
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
