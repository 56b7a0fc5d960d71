/// The position of an inode, in 48 bits: its block relative to the inode table, and the offset in that block. All names
/// of a hard-linked file share it, so it identifies the file.
package struct InodeReference: Sendable, Hashable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    init(block: UInt32, offset: UInt16) { rawValue = UInt64(block) << 16 | UInt64(offset) }

    var block: UInt64 { rawValue >> 16 }
    var offset: Int { Int(rawValue & 0xFFFF) }
}

/// A file, directory, link, device, pipe or socket of the image.
package struct Inode: Sendable {
    package enum Kind: UInt16, Sendable {
        case directory = 1
        case file
        case symlink
        case blockDevice
        case characterDevice
        case fifo
        case socket

        /// The S_IF* bits of stat(2).
        package var modeBits: UInt32 {
            switch self {
            case .directory: 0o040000
            case .file: 0o100000
            case .symlink: 0o120000
            case .blockDevice: 0o060000
            case .characterDevice: 0o020000
            case .fifo: 0o010000
            case .socket: 0o140000
            }
        }
    }

    package let reference: InodeReference
    package let kind: Kind
    /// The permission bits with setuid, setgid and sticky.
    package let permissions: UInt32
    package let uid: UInt32
    package let gid: UInt32
    /// Seconds since 1970.
    package let modified: UInt32
    /// Unique in the image; what stat(2) shows.
    package let number: UInt32
    package internal(set) var links: UInt32 = 1
    /// In bytes: of a file, of a symlink's target, of a directory's listing.
    package internal(set) var size: UInt64 = 0
    /// In bytes: how much of a file is holes.
    package internal(set) var holes: UInt64 = 0
    /// The device number as the kernel encodes it in 32 bits (`new_encode_dev`).
    package internal(set) var device: UInt32 = 0
    /// The index into the xattr table.
    package internal(set) var xattrs: UInt32?
    var directory = DirectoryPlace()
    var file = FilePlace()
    /// The position of a symlink's target.
    var target = MetadataPosition(block: 0, offset: 0)

    /// `st_mode` of stat(2).
    package var mode: UInt32 { kind.modeBits | permissions }
    package var isDirectory: Bool { kind == .directory }
    package var major: UInt32 { device >> 8 & 0xFFF }
    package var minor: UInt32 { device & 0xFF | device >> 12 & 0xFFF00 }
}

struct DirectoryPlace: Sendable {
    /// Relative to the directory table.
    var block: UInt32 = 0
    var offset: UInt16 = 0
    /// How many index entries follow the inode, and where.
    var indexCount: UInt16 = 0
    var index = MetadataPosition(block: 0, offset: 0)
    /// The inode number of the directory above.
    var parent: UInt32 = 0
}

struct FilePlace: Sendable {
    static let noFragment = UInt32.max
    var start: UInt64 = 0
    var fragment = noFragment
    var fragmentOffset: UInt32 = 0
    /// Where the list of block sizes begins.
    var blockList = MetadataPosition(block: 0, offset: 0)
}
