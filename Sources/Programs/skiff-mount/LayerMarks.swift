import CFuse
import CLinux
import Extraction
import Squashfs

/// What fuse-overlayfs has marked in a layer, shown as the kernel's overlayfs marks it: an empty file `.wh.NAME` is a device 0:0
/// called NAME, and a directory with `.wh..wh..opq` is opaque; Linux's Documentation/filesystems/overlayfs.rst, "whiteouts and
/// opaque directories".
extension FileServer {
    /// A bit above those of every place in an image.
    static let whiteout: UInt64 = 1 << 62

    static func isWhiteout(_ node: fuse_ino_t) -> Bool { UInt64(node) & whiteout != 0 }

    /// What a directory has under a name.
    func find(_ name: [UInt8], in directory: Inode) throws(SquashfsError) -> fuse_entry_param? {
        if let found = try reader.lookup(name, in: directory) {
            return try hiddenName(found) == nil ? entry(reader.inode(found.inode)) : nil
        }
        guard isLayer, let mark = try mark(FuseOverlayfs.prefix + name, in: directory) else { return nil }
        return whiteout(mark)
    }

    /// The name that a file hides: empty for the mark of an opaque directory, nil for a file that is no mark.
    func hiddenName(_ entry: DirectoryEntry) throws(SquashfsError) -> [UInt8]? {
        guard isLayer, let hidden = FuseOverlayfs.hiddenName(entry.name) else { return nil }
        return try isMark(reader.inode(entry.inode)) ? hidden : nil
    }

    func whiteout(_ mark: Inode) -> fuse_entry_param {
        var result = entry(mark)
        result.ino |= fuse_ino_t(Self.whiteout)
        result.attr.st_mode = Inode.Kind.characterDevice.modeBits
        result.attr.st_rdev = 0
        return result
    }

    /// The attribute that a file in the directory stands for.
    func markFile(_ wanted: [UInt8], in directory: Inode) throws(SquashfsError) -> ExtendedAttribute? {
        guard isLayer, directory.isDirectory, wanted.elementsEqual("user.overlay.opaque".utf8),
            try mark(FuseOverlayfs.opaque, in: directory) != nil
        else { return nil }
        return ExtendedAttribute(name: wanted, value: [0x79])
    }

    private func mark(_ name: [UInt8], in directory: Inode) throws(SquashfsError) -> Inode? {
        guard let found = try reader.lookup(name, in: directory), try hiddenName(found) != nil else { return nil }
        return try reader.inode(found.inode)
    }

    private func isMark(_ inode: Inode) -> Bool {
        let isWhiteout = inode.kind == .characterDevice && inode.major == 0 && inode.minor == 0
        return FuseOverlayfs.isMark(
            isFile: inode.kind == .file, isWhiteout: isWhiteout, size: inode.size, permissions: inode.permissions,
            links: inode.links)
    }
}
