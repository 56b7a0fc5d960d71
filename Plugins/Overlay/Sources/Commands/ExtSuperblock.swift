import PluginKit

/// What the superblock of an ext2, ext3 or ext4 file system says; Docs/spec/squashfs-and-ext3.md §1.2.
package struct ExtSuperblock: Sendable, Equatable {
    /// `ext3`.
    package let type: String
    /// Bytes of the file system.
    package let size: Int64

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
    }
}
