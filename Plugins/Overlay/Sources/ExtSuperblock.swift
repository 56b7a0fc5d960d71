import PluginKit

/// What the superblock of an ext2, ext3 or ext4 file system says; Docs/spec/squashfs-and-ext3.md §1.2,
/// Documentation/filesystems/ext4/super.rst.
package struct ExtSuperblock: Sendable, Equatable {
    /// `ext2`, `ext3`, or `ext4` for what has features that those lack.
    package let type: String
    /// Bytes of the file system.
    package let size: Int64
    /// Whether its last user has closed it.
    package let isClean: Bool
    /// Whether changes wait in the journal.
    package let needsReplay: Bool
    /// Whether an error was found in it.
    package let hasErrors: Bool
    /// Names of features without which nobody here can read it.
    package let unreadable: [String]
    /// Names of features without which nobody here can write to it.
    package let unwritable: [String]

    /// filetype, recover, meta_bg, extents, 64bit, flex_bg, ea_inode, csum_seed, largedir, inline_data: what libext2fs of
    /// e2fsprogs 1.47 mounts.
    private static let known: UInt32 = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000
    private static let names: [UInt32: String] = [
        0x1: "compression", 0x8: "journal_dev", 0x100: "mmp", 0x1000: "dirdata", 0x10000: "encrypt",
        0x20000: "casefold",
    ]
    /// Everything up to orphan_present, without snapshots and replicas.
    private static let knownWhenWritten: UInt32 = 0x1_F77F & ~0x4000
    private static let namesWhenWritten: [UInt32: String] = [
        0x80: "has_snapshot", 0x800: "replica", 0x4000: "shared_blocks",
    ]

    /// - Parameter bytes: the first 2048 bytes of the file system.
    /// - Returns: nil when there is none.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 2048, bytes[1080] == 0x53, bytes[1081] == 0xEF else { return nil }
        func number(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[1024 + offset + $1]) << UInt32(8 * $1) }
        }
        let (compatible, incompatible, readOnly) = (number(0x5C), number(0x60), number(0x64))
        guard number(0x18) <= 6 else { return nil }
        let hasHigh = incompatible & 0x80 != 0
        let blocks = UInt64(number(0x04)) | (hasHigh ? UInt64(number(0x150)) << 32 : 0)
        let (size, overflow) = blocks.multipliedReportingOverflow(by: 1024 << UInt64(number(0x18)))
        guard !overflow, let bytes = Int64(exactly: size) else { return nil }
        self.size = bytes
        let isOld = incompatible & ~0x16 == 0 && readOnly & ~0x7 == 0
        type = !isOld ? "ext4" : compatible & 0x4 == 0 ? "ext2" : "ext3"
        let state = number(0x3A) & 0xFFFF
        (isClean, hasErrors, needsReplay) = (state & 1 != 0, state & 2 != 0, incompatible & 4 != 0)
        unreadable = Self.list(incompatible & ~Self.known, Self.names, "I")
        // libext2fs 1.47 writes behind the end of content that lies in an inode, and takes such a directory for full when it is empty.
        let inline = incompatible & 0x8000 != 0 ? ["inline_data"] : []
        unwritable = Self.list(readOnly & ~Self.knownWhenWritten, Self.namesWhenWritten, "R") + inline
    }

    /// Names features as dumpe2fs does.
    private static func list(_ bits: UInt32, _ names: [UInt32: String], _ kind: String) -> [String] {
        (0..<32).filter { bits >> $0 & 1 != 0 }.map { names[1 << $0] ?? "FEATURE_\(kind)\($0)" }
    }

    /// The type as overlays have it: the driver of ext4 mounts ext2 as well.
    var driver: String { type == "ext3" ? "ext3" : "ext4" }

    var isSound: Bool { isClean && !needsReplay && !hasErrors }
}

extension FilePart {
    /// Reads the superblock of the file system in it, and refuses what nobody could mount, with the reason.
    ///
    /// - Parameter path: of the file, for messages.
    func superblock(of path: String, isWritten: Bool) throws(PluginError) -> ExtSuperblock {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Host.read(descriptor, at: Int64(clamping: offset), count: 2048)
        } catch {
            throw PluginError("cannot read overlay \(path)", error)
        }
        guard let found = ExtSuperblock(bytes) else {
            throw PluginError(
                "cannot use overlay \(path): its superblock is damaged\nTry skiff overlay check on it, or e2fsck -b 32768"
            )
        }
        let lacking = found.unreadable + (isWritten ? found.unwritable : [])
        guard lacking.isEmpty else {
            throw PluginError(
                "cannot use overlay \(path): it has features that are not known here: \(lacking.joined(separator: ", "))"
            )
        }
        guard UInt64(found.size) <= size else {
            throw PluginError(
                "cannot use overlay \(path): it is cut off, its file system has \(found.size) bytes and its file \(size)"
            )
        }
        return found
    }
}
