package import PluginKit

/// What the superblock of an ext file system says; Documentation/filesystems/ext4/super.rst.
package struct ExtState: Sendable, Equatable {
    /// Whether its last user has closed it.
    package let isClean: Bool
    /// Whether changes wait in the journal.
    package let needsReplay: Bool
    /// Whether an error was found in it.
    package let hasErrors: Bool
    /// In bytes.
    package let size: UInt64
    /// Incompatible features that nobody here knows, as bits.
    package let unknown: UInt32
    let partSize: UInt64

    /// compression to inline_data, without what is never read here: what libext2fs of e2fsprogs 1.47 mounts.
    private static let knownIncompatible: UInt32 =
        0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000

    /// - Parameter bytes: the first 2048 of the file system.
    /// - Returns: `ext3`, or `ext4` for every other one, since its driver mounts them; nil where there is none.
    package static func type(_ bytes: [UInt8]) -> String? {
        ExtSuperblock(bytes).map { $0.type == "ext3" ? "ext3" : "ext4" }
    }

    private static func word(_ bytes: [UInt8], _ place: Int) -> UInt32 {
        bytes[place..<place + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    package init(_ part: FilePart, of path: String) throws(PluginError) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Host.read(part.descriptor, at: Int64(clamping: part.offset), count: 2048)
        } catch {
            throw PluginError("cannot read overlay \(path)", error)
        }
        guard let superblock = ExtSuperblock(bytes) else {
            throw PluginError(
                "cannot use overlay \(path): its superblock is damaged\nTry skiff overlay check on it, or e2fsck -b 32768"
            )
        }
        let incompatible = Self.word(bytes, 1120)
        let state = Self.word(bytes, 1082) & 0xFFFF
        isClean = state & 1 != 0
        hasErrors = state & 2 != 0
        needsReplay = incompatible & 4 != 0
        unknown = incompatible & ~Self.knownIncompatible
        size = UInt64(superblock.size)
        partSize = part.size
    }

    /// Refuses what nobody could mount, with the reason.
    func check(_ path: String) throws(PluginError) {
        guard unknown == 0 else {
            throw PluginError(
                "cannot use overlay \(path): it has features that are not known here (incompatible 0x\(String(unknown, radix: 16)))"
            )
        }
        guard size <= partSize else {
            throw PluginError(
                "cannot use overlay \(path): it is cut off, its file system has \(size) bytes and its file \(partSize)")
        }
    }
}
