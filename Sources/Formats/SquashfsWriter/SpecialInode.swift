import CLinux
import CSquashfs
import Linux

/// Makes the inodes of everything that has no content and no entries.
enum SpecialInode {
    /// - Returns: nil when memory runs out.
    static func make(mode: UInt32, device number: UInt64, target: [UInt8]) -> UnsafeMutablePointer<
        sqfs_inode_generic_t
    >? {
        switch mode & SKL_S_IFMT {
        case SKL_S_IFLNK: link(target)
        case SKL_S_IFBLK: device(SQFS_INODE_BDEV, number)
        case SKL_S_IFCHR: device(SQFS_INODE_CDEV, number)
        case SKL_S_IFIFO: skl_squashfs_inode_create(UInt16(SQFS_INODE_FIFO.rawValue), 0)
        default: skl_squashfs_inode_create(UInt16(SQFS_INODE_SOCKET.rawValue), 0)
        }
    }

    private static func link(_ target: [UInt8]) -> UnsafeMutablePointer<sqfs_inode_generic_t>? {
        let length = UInt32(target.count)
        guard let inode = skl_squashfs_inode_create(UInt16(SQFS_INODE_SLINK.rawValue), length) else { return nil }
        inode.pointee.data.slink.target_size = length
        target.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            skl_squashfs_inode_payload(inode)?.copyMemory(from: base, byteCount: bytes.count)
        }
        return inode
    }

    /// Returns the kernel's 32-bit form (`new_encode_dev`): the low 8 bits of the minor number, the major number, the
    /// rest.
    private static func device(_ type: SQFS_INODE_TYPE, _ number: UInt64) -> UnsafeMutablePointer<sqfs_inode_generic_t>?
    {
        guard let inode = skl_squashfs_inode_create(UInt16(type.rawValue), 0) else { return nil }
        let (major, minor) = deviceParts(number)
        inode.pointee.data.dev.devno = minor & 0xFF | major << 8 | (minor & ~0xFF) << 12
        return inode
    }
}
