package import Base
import CSquashfs
import Linux

/// Writes a directory tree as a squashfs 4.0 image straight into an open file: without a temporary image, and with
/// memory for a few blocks per thread and some 200 bytes per file.
///
/// The same tree gives the same bytes, whatever the number of threads: names are sorted, and the image's own time is the
/// latest of the tree unless `latestTime` says otherwise.
package struct SquashfsWriter {
    private let output: SquashfsOutput
    private let options: SquashfsOptions

    /// The progress of a write.
    package struct Progress: Sendable {
        package internal(set) var entries = 0
        /// Content read, in bytes.
        package internal(set) var bytes: Int64 = 0
    }

    /// - Parameter output: what a file holds after the image is cut off.
    package init(output: SquashfsOutput, options: SquashfsOptions = SquashfsOptions()) {
        (self.output, self.options) = (output, options)
    }

    package init(output: CInt, offset: Int64, options: SquashfsOptions = SquashfsOptions()) {
        self.init(output: SquashfsOutput(file: output, offset: offset), options: options)
    }

    /// Writes everything below a directory.
    ///
    /// - Parameters:
    ///   - tree: the directory, open for reading, lent. Symbolic links in it are never followed.
    ///   - changes: what the image has in addition to the tree, or in place of its files; `adjust` does not see it.
    ///   - adjust: may change how an entry appears in the image, or leave it out by returning false; leaving out a
    ///     directory leaves out all that it holds.
    ///   - progress: called after every file and now and then within a large one; what it throws ends the writing.
    /// - Returns: the length of the image with its padding, in bytes, a multiple of 4096.
    package func write(
        tree: CInt, changes: TreeChanges = TreeChanges(),
        adjust: (inout TreeEntry) throws(SkiffError) -> Bool = { (_) throws(SkiffError) in true },
        progress: (Progress) throws(SkiffError) -> Void = { (_) throws(SkiffError) in }
    ) throws(SkiffError) -> Int64 {
        let file = try OutputFile(output, options)
        let image = try OutputImage(file, options)
        let content = ContentWriter(image)
        let records = InodeRecords()
        let root = try during("cannot open the directory of the image") { () throws(Errno) in
            TreeRoot(adopting: try duplicate(tree))
        }
        var scan = TreeScan(root: root, changes: changes, image: image, content: content, records: records)
        let directories = try scan.run(adjust, progress)
        try content.finish()
        let place = try TableWriter(image, records).write(directories.count) { directories[$0] }
        try image.finish(records, root: place, newest: scan.newest)
        return try file.finish()
    }
}
