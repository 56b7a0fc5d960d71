import Squashfs

/// Files that are stored in one go.
struct ReadaheadWindow {
    /// How many inodes are looked at for one window.
    private static let inodeLimit = 1024

    private(set) var files: [Inode] = []
    /// The inode after them; nil at the end of the image.
    private(set) var next: Inode?
    /// Where the files lie; nil when there are none.
    private(set) var fragments: ClosedRange<UInt32>?

    /// No files.
    init() {}

    /// The window of a request.
    init(_ request: ReadaheadRequest, _ reader: SquashfsReader) throws(SquashfsError) {
        next = request.first
        var (bytes, inodes) = (0, 0)
        while let inode = next, bytes < request.length, inodes < Self.inodeLimit {
            if let fragment = reader.fragment(of: inode) {
                if let only = request.only, only != fragment { break }
                if inode.reference != request.asked { add(inode, in: fragment) }
                bytes += Int(inode.size)
            }
            inodes += 1
            next = try reader.inode(after: inode)
        }
    }

    private mutating func add(_ file: Inode, in fragment: UInt32) {
        files.append(file)
        fragments = min(fragments?.lowerBound ?? fragment, fragment)...max(fragments?.upperBound ?? fragment, fragment)
    }

    /// The one file that is not stored: the kernel does not tell what it reads from its cache, so a request for this
    /// file shows that the program has reached the middle of the window and needs the next one.
    var marker: InodeReference? { files.isEmpty ? nil : files[files.count / 2].reference }
}
