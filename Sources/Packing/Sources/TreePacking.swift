import Base
import Linux
import Ownership
import SquashfsWriter

/// Packs the files of a directory into a squashfs.
struct TreePacking {
    private let root: RootTree
    private let size: TreeSize
    private let owners: OwnershipReader
    private let forgetsOwners: Bool
    private let excluded: String?

    /// - Parameters:
    ///   - forgetsOwners: whether all files belong to root in the image.
    ///   - excluded: a directory that is left out.
    init(_ root: RootTree, keeping: RecordKeeping, forgetsOwners: Bool = false, excluded: String? = nil) {
        self.root = root
        size = TreeSize(of: root.descriptor)
        owners = OwnershipReader(keeping: keeping)
        (self.forgetsOwners, self.excluded) = (forgetsOwners, excluded)
    }

    /// Throws when there cannot be enough room. How far a tree shrinks when packed is not known, but programs and
    /// libraries never shrink to an eighth.
    func checkRoom(beside path: String, _ options: SquashfsOptions) throws(SkiffError) {
        let least = min(size.content, size.allocated) / (options.isDataCompressed ? 8 : 1)
        let purpose = "packing \(byteText(size.content)) into an image"
        try DiskSpace.check(
            least, in: parentPath(path) ?? ".", for: purpose + " at the very least", hint: options.hintWhenFull)
    }

    /// Writes the squashfs, and returns its length in bytes.
    ///
    /// - Parameter changes: what the image has in addition to the directory.
    func write(
        into output: SquashfsOutput, _ options: SquashfsOptions, changes: TreeChanges = TreeChanges()
    ) throws(SkiffError) -> Int64 {
        let line = ProgressLine("Packing", total: size.content)
        var done: Int64 = 0
        let left = [try? status(of: output.file), excluded.flatMap { try? status($0) }].compactMap { $0 }
        let written = try SquashfsWriter(output: output, options: options).write(
            tree: root.descriptor, changes: changes,
            adjust: { entry throws(SkiffError) in
                if left.contains(where: { $0.inode == entry.status.inode && $0.device == entry.status.device }) {
                    return false
                }
                if forgetsOwners { (entry.uid, entry.gid) = (0, 0) }
                owners.apply(to: &entry)
                return true
            },
            progress: {
                line.advance(to: $0.bytes)
                done = $0.bytes
            })
        line.finish("Packed \(byteText(done)) of \(size.files) files into \(byteText(written))", bytes: done)
        return written
    }
}
