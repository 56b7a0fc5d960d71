package import Base
package import Core
package import OCI
package import SquashfsWriter

/// An image of layers: what every image has is added to their tree in memory, and the content of files goes from the
/// layers into the blocks of the squashfs.
package struct LayeredImage: PackingSource {
    private let merged: MergedImage
    private let root: LayerRoot

    /// Reads all layers and verifies them.
    package init(_ image: OCIImage) throws(SkiffError) {
        Log.info("Reading layers...")
        merged = try MergedImage(image)
        root = LayerRoot(merged.tree)
    }

    package var unfinished: (any UnfinishedRoot)? { root }
    package var architecture: SIFArchitecture? { merged.tree.architecture }
    package func record() throws(SkiffError) -> InspectMetadata { try InspectMetadata(collecting: root) }

    package var assumedArchitecture: (architecture: SIFArchitecture, source: String) {
        (SIFArchitecture(name: merged.image.config.platform.architecture) ?? .host, "the config's")
    }

    package func write(into output: SquashfsOutput, _ options: SquashfsOptions) throws(SkiffError) -> Int64 {
        let line = ProgressLine("Packing", total: merged.contentSize)
        let assembly = try SquashfsAssembly(output: output, options: options)
        let written = try merged.pack(into: assembly) { line.advance(to: $0) }
        line.finish(
            "Packed \(byteText(merged.contentSize)) of \(merged.tree.count) entries into \(byteText(written))",
            bytes: merged.contentSize)
        return written
    }
}
