package import Linux

/// Why an image, or one file in it, cannot be read. Nothing else is thrown by the reader.
package enum SquashfsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kernel refused to read the image file.
    case kernel(Errno)
    /// The first bytes are not those of a squashfs image.
    case notSquashfs
    /// A squashfs image, but one of a kind that this reader does not know.
    case unsupported(Feature)
    /// The bytes contradict the format: the image is damaged or malicious.
    case corrupt(Defect)

    package enum Feature: Equatable, Sendable {
        /// A version other than 4.0, the only one written since 2009.
        case version(major: UInt16, minor: UInt16)
        case compression(UInt16)
    }

    /// One value for every check, so that a test can tell which one refused.
    package enum Defect: String, Sendable {
        case truncated = "the image is shorter than its superblock says"
        case superblock = "the superblock contradicts itself"
        case blockSize = "the block size is not a power of two from 4 KiB to 1 MiB"
        case tableOutside = "a table lies outside of the image"
        case metadataOutside = "a metadata block lies outside of its table"
        case metadataSize = "a metadata block is larger than 8 KiB or empty"
        case metadataOffset = "an offset points beyond the end of its metadata block"
        case compressedData = "compressed data does not decompress"
        case blockOutside = "a data block lies outside of the image"
        case blockTooLarge = "a data block is larger than the block size"
        case blockLength = "a data block does not have the length that its file says"
        case inodeType = "an inode has an unknown type"
        case identityIndex = "an inode has an owner outside of the id table"
        case fileSize = "a file size is larger than any file"
        case symlinkLength = "a symbolic link is empty or too long"
        case fragmentIndex = "a file ends in a fragment that does not exist"
        case fragmentRange = "a file ends outside of its fragment"
        case directoryRun = "a directory header counts too many entries"
        case directoryName = "a directory entry has a name that no file can have"
        case directoryLoop = "a directory contains itself"
        case notDirectory = "a directory is expected and something else found"
        case inodeNumber = "an inode number is outside of the export table"
        case xattrIndex = "an inode has extended attributes outside of the table"
        case xattrEntry = "an extended attribute has an unknown prefix or a bad length"
    }

    package var description: String {
        switch self {
        case .kernel(let errno): errno.description
        case .notSquashfs: "not a squashfs image"
        case .unsupported(.version(let major, let minor)):
            "squashfs version \(major).\(minor) is not supported, only 4.0"
        case .unsupported(.compression(let id)): "unknown compression algorithm \(id)"
        case .corrupt(let defect): "the squashfs image is damaged: \(defect.rawValue)"
        }
    }
}
