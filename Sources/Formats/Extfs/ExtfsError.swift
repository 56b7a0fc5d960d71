package import Linux

/// Why an ext2, ext3 or ext4 file system, or one file in it, cannot be read.
package enum ExtfsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kernel refused to read the image file.
    case kernel(Errno)
    /// The file system contradicts itself in a way that is found without libext2fs.
    case corrupt(Defect)
    /// What libext2fs found, in its words.
    case library(String)

    package enum Defect: String, Sendable {
        case notExtfs = "it is no ext file system"
        case superblock = "the superblock contradicts itself"
        case truncated = "the file system is larger than the image"
        case fileType = "a file has an unknown type"
        case linkLength = "a symbolic link is empty or too long"
        case fileSize = "a file size is larger than any file"
        case dots = "a directory has more than one entry for itself or its parent"
    }

    package var description: String {
        switch self {
        case .kernel(let errno): errno.description
        case .corrupt(let defect): "the ext file system is damaged: \(defect.rawValue)"
        case .library(let text): "the ext file system is damaged: \(text)"
        }
    }
}
