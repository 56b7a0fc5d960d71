package import Base
package import Core
import Linux
package import Ownership
package import SquashfsWriter

/// A root file system in a directory that already has everything that the image is to have.
package struct CompleteTree: PackingSource {
    private let packing: TreePacking
    private let root: RootTree

    /// - Parameter keeping: which properties the files have as records only, as in a build without privileges.
    package init(_ root: RootTree, keeping: RecordKeeping) {
        self.root = root
        packing = TreePacking(root, keeping: keeping)
    }

    package var unfinished: (any UnfinishedRoot)? { nil }
    package var architecture: SIFArchitecture? { ArchitectureProbe(root: root).find() }
    package func record() throws(SkiffError) -> InspectMetadata { try .collect(root: root.top) }

    package func prepare(for path: String, _ options: SquashfsOptions) throws(SkiffError) {
        try packing.checkRoom(beside: path, options)
    }

    package func write(into output: SquashfsOutput, _ options: SquashfsOptions) throws(SkiffError) -> Int64 {
        try packing.write(into: output, options)
    }
}
