import Base
import CLinux
import Linux
import Squashfs
import SquashfsWriter
import TestSupport

/// A directory to pack, and the image that is made of it.
extension Scratch {
    static func withTree() throws -> Scratch {
        let scratch = try Scratch()
        try scratch.directory("tree")
        return scratch
    }

    var tree: String { path + "/tree" }
    var image: String { path + "/image" }

    /// Writes the tree; answers the length that the writer tells.
    @discardableResult func write(
        _ options: SquashfsOptions = SquashfsOptions(), offset: Int64 = 0, changes: TreeChanges = TreeChanges(),
        adjust: (inout TreeEntry) throws(SkiffError) -> Bool = { (_) throws(SkiffError) in true }
    ) throws -> Int64 {
        let source = try open(tree, O_RDONLY | O_DIRECTORY)
        let output = try open(image, O_RDWR | O_CREAT, mode: 0o644)
        return try SquashfsWriter(output: output.raw, offset: offset, options: options)
            .write(tree: source.raw, changes: changes, adjust: adjust)
    }

    func reader(offset: Int64 = 0) throws -> SquashfsReader {
        try SquashfsReader(FileSource(open(image, O_RDONLY), ByteRange(offset: offset)))
    }
}
