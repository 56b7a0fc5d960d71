package import Base
package import Core
import Linux
package import Ownership
package import SquashfsWriter

/// A directory that is only read: additions to the image are held in memory.
package struct PlainDirectory: PackingSource {
    private let root: RootTree
    private let changed: ChangedDirectory
    private let packing: TreePacking

    /// - Parameters:
    ///   - keeping: which properties the files have as records only.
    ///   - forgetsOwners: whether the owners of the files mean nothing in the image: they are the builder, or users
    ///     that the builder does not know.
    ///   - excluded: a directory that is not part of the image, wherever it lies.
    package init(_ root: RootTree, keeping: RecordKeeping, forgetsOwners: Bool, excluded: String) {
        self.root = root
        changed = ChangedDirectory(root)
        packing = TreePacking(root, keeping: keeping, forgetsOwners: forgetsOwners, excluded: excluded)
    }

    package var unfinished: (any UnfinishedRoot)? { changed }
    package var architecture: SIFArchitecture? { ArchitectureProbe(root: root).find() }
    package func record() throws(SkiffError) -> InspectMetadata { try InspectMetadata(collecting: changed) }

    package func prepare(for path: String, _ options: SquashfsOptions) throws(SkiffError) {
        try packing.checkRoom(beside: path, options)
    }

    package func write(into output: SquashfsOutput, _ options: SquashfsOptions) throws(SkiffError) -> Int64 {
        try packing.write(into: output, options, changes: changed.changes)
    }
}
