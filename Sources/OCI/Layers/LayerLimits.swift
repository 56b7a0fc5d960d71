import Base

/// Limits that no ordinary image reaches. They stop archives that were made to fill the disk or the memory.
package struct LayerLimits: Sendable {
    /// The largest ratio of uncompressed to compressed bytes of a layer that is larger than `unsuspected`. Text and
    /// empty disk images reach 100.
    package var ratio: Int64 = 300
    /// The uncompressed size in bytes up to which any ratio is accepted.
    package var unsuspected: Int64 = 4 << 30
    /// The largest file, with its holes, in bytes.
    package var largestFile: Int64 = 1 << 42
    /// The most bytes of names and link targets of the whole image, and of its extended attributes.
    package var names = 1 << 30
    package var xattrs = 256 << 20

    package init() {}

    func check(_ total: Int64, of compressed: Int64, _ name: String) throws(SkiffError) {
        guard total > unsuspected, total / ratio > compressed else { return }
        throw SkiffError(
            "cannot unpack \(name): its \(compressed) bytes become more than \(total >> 30) GiB; "
                + "it looks like a decompression bomb")
    }
}
