import CFuse
import CLinux
import Squashfs
import Synchronization

/// Answers the kernel's questions about one image. Holds no state between two requests except the reader's caches and
/// the guess at what will be asked next, so any thread may answer any request and FUSE_FORGET has nothing to do.
final class FileServer: Sendable {
    let reader: SquashfsReader
    /// Replaces the image's owners.
    private let uid: UInt32?
    private let gid: UInt32?
    /// Whether the image is a layer of an overlay, so that the marks of fuse-overlayfs in it have a meaning.
    let isLayer: Bool
    private let readahead = Mutex<Readahead?>(nil)

    init(_ reader: SquashfsReader, uid: UInt32? = nil, gid: UInt32? = nil, isLayer: Bool = false) {
        self.reader = reader
        self.uid = uid
        self.gid = gid
        self.isLayer = isLayer
    }

    /// Lets the server give the kernel content that it has not asked for, from now on.
    func begin(_ readahead: Readahead) { self.readahead.withLock { $0 = readahead } }

    /// Notes that the kernel asked for content of `file`.
    func noticeReading(of file: Inode) { readahead.withLock { $0 }?.notice(file) }

    /// Practically for ever: an image does not change under a mount, so the kernel need not ask twice.
    static let timeout: Double = 1e9

    /// Returns the kernel's number of an inode: its place in the image, the same for all names of a hard-linked file. 0
    /// and 1 have a meaning of their own in FUSE.
    func node(_ reference: InodeReference) -> fuse_ino_t {
        reference == reader.superblock.root ? fuse_ino_t(FUSE_ROOT_ID) : fuse_ino_t(reference.rawValue &+ 2)
    }

    func inode(_ node: fuse_ino_t) throws(SquashfsError) -> Inode {
        let isRoot = node == fuse_ino_t(FUSE_ROOT_ID)
        let place = UInt64(node) & ~Self.whiteout &- 2
        return try reader.inode(isRoot ? reader.superblock.root : InodeReference(rawValue: place))
    }

    func attributes(_ inode: Inode) -> stat {
        var result = stat()
        result.st_ino = ino_t(inode.number)
        result.st_mode = inode.mode
        result.st_nlink = nlink_t(inode.links)
        result.st_uid = uid ?? inode.uid
        result.st_gid = gid ?? inode.gid
        result.st_rdev = skl_makedev(inode.major, inode.minor)
        result.st_size = off_t(clamping: inode.size)
        result.st_blksize = blksize_t(reader.superblock.blockSize)
        result.st_blocks = blkcnt_t(clamping: (inode.size - min(inode.holes, inode.size) + 511) / 512)
        result.st_mtim.tv_sec = time_t(inode.modified)
        result.st_atim.tv_sec = time_t(inode.modified)
        result.st_ctim.tv_sec = time_t(inode.modified)
        return result
    }

    func entry(_ inode: Inode) -> fuse_entry_param {
        var result = fuse_entry_param()
        result.ino = node(inode.reference)
        result.attr = attributes(inode)
        result.attr_timeout = Self.timeout
        result.entry_timeout = Self.timeout
        return result
    }

    /// Returns the value of an attribute as the kernel can pass it on.
    ///
    /// File capabilities of revision 2 belong to root of the file system's user namespace. Where that namespace has no
    /// root, the kernel refuses to report them (EOVERFLOW), and programs that copy attributes complain. Revision 3
    /// names the user they belong to: the only one there is. They give nobody any power: that user is root of no
    /// namespace here, and the image is mounted nosuid; capabilities(7), "Namespaced file capabilities".
    func shown(_ name: [UInt8], _ value: [UInt8]) -> [UInt8] {
        let (revisionSize, revision2, revision3) = (20, 2 as UInt8, 3 as UInt8)
        guard let uid, uid != 0, name == Array("security.capability".utf8), value.count == revisionSize,
            value[3] == revision2
        else { return value }
        var result = value
        result[3] = revision3
        return result + (0..<4).map { UInt8(truncatingIfNeeded: uid >> (8 * UInt32($0))) }
    }

    func statistics() -> statvfs {
        var result = statvfs()
        let head = reader.superblock
        result.f_bsize = UInt(head.blockSize)
        result.f_frsize = UInt(head.blockSize)
        result.f_blocks = fsblkcnt_t((head.bytesUsed + UInt64(head.blockSize) - 1) / UInt64(head.blockSize))
        result.f_files = fsfilcnt_t(head.inodeCount)
        result.f_flag = UInt(ST_RDONLY)
        // As the kernel's own driver reports it, although no name has more than 255 bytes.
        result.f_namemax = 256
        return result
    }
}
