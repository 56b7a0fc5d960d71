import Base
import Core
import Inspect
import Linux
import Ownership
import SquashfsWriter

/// Packs a root file system that is a directory into a SIF.
struct SIFAssembly {
    let root: RootTree
    let definition: Definition
    /// More objects, sorted by name among the generic ones.
    let objects: [BaseContent.File]
    let options: SquashfsOptions
    let creation: SIFCreation
    /// What the files of this root have as records only, as in a build without privileges.
    let keeping: RecordKeeping
    /// What the image has beside the directory; nil for a directory that is complete.
    var changed: ChangedDirectory?
    /// Owners of the files mean nothing in the image: they are the builder's, or nobody's whom the builder knows.
    var forgetsOwners = false
    /// A directory that is not part of the image, wherever it lies.
    var excluded: String?

    /// Writes `path`, which must not exist.
    func write(_ path: String, architecture: SIFArchitecture) throws(SkiffError) {
        let size = TreeSize(of: root.descriptor)
        try checkRoom(for: size, beside: path)
        let output = SIFOutput(definition: definition, objects: objects, creation: creation)
        let description =
            if let changed {
                try InspectMetadata(collecting: changed)
            } else {
                try InspectMetadata.collect(root: root.top)
            }
        try output.write(path, architecture, description) { file, offset throws(SkiffError) in
            try pack(size, into: file, at: offset)
        }
    }

    private static let hint = "Write the image to a file system with more room"

    /// What a tree will take when it is packed is not known, but never did programs and libraries shrink to an eighth.
    private func checkRoom(for size: TreeSize, beside path: String) throws(SkiffError) {
        let least = min(size.content, size.allocated) / (options.isDataCompressed ? 8 : 1)
        let purpose = "packing \(byteText(size.content)) into an image"
        try DiskSpace.check(least, in: parentPath(path) ?? ".", for: purpose + " at the very least", hint: Self.hint)
    }

    private func pack(_ size: TreeSize, into file: CInt, at offset: Int64) throws(SkiffError) -> Int64 {
        var options = options
        options.hintWhenFull = Self.hint
        let line = ProgressLine("Packing", total: size.content)
        var done: Int64 = 0
        let owners = OwnershipReader(keeping: keeping)
        let left = [try? status(of: file), excluded.flatMap { try? status($0) }].compactMap { $0 }
        let written = try SquashfsWriter(output: file, offset: offset, options: options).write(
            tree: root.descriptor, changes: changed?.changes ?? TreeChanges(),
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
