import Base

/// What a layer may grow to. Nothing an ordinary image reaches: they stop archives that were made to fill a machine.
package struct LayerLimits: Sendable {
    /// Uncompressed bytes of one layer for each of its compressed ones, once `unsuspected` bytes are exceeded. Text and
    /// empty disk images reach 100.
    package var ratio: Int64 = 300
    /// In bytes.
    package var unsuspected: Int64 = 4 << 30
    /// The largest file, with its holes, in bytes.
    package var largestFile: Int64 = 1 << 42
    /// Bytes of names and link targets of the whole image, and of its extended attributes.
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
