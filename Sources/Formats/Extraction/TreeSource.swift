/// The kinds of files, by their S_IF* bits of stat(2).
package enum NodeKind: UInt32, Sendable {
    case directory = 0o040000
    case file = 0o100000
    case symlink = 0o120000
    case blockDevice = 0o060000
    case characterDevice = 0o020000
    case fifo = 0o010000
    case socket = 0o140000
}

/// What a file of an image is, as far as writing it out needs to know.
package struct SourceNode<File: Sendable>: Sendable {
    /// The same for all names of one file, and for no other file.
    package let identity: UInt64
    package let kind: NodeKind
    /// The permission bits with setuid, setgid and sticky.
    package let permissions: UInt32
    package let uid: UInt32
    package let gid: UInt32
    /// Seconds since 1970.
    package let modified: Int64
    package let links: UInt32
    /// In bytes, of a regular file.
    package let size: UInt64
    /// The major number of a device.
    package let major: UInt32
    package let minor: UInt32
    /// What the source knows the file by.
    package let file: File

    package init(
        identity: UInt64, kind: NodeKind, permissions: UInt32, uid: UInt32, gid: UInt32, modified: Int64, links: UInt32,
        size: UInt64, major: UInt32, minor: UInt32, file: File
    ) {
        (self.identity, self.kind, self.permissions, self.uid, self.gid) = (identity, kind, permissions, uid, gid)
        (self.modified, self.links, self.size) = (modified, links, size)
        (self.major, self.minor, self.file) = (major, minor, file)
    }
}

/// An extended attribute; xattr(7).
package struct ExtendedAttribute: Sendable, Equatable {
    /// With its prefix, `user.`, `trusted.` or `security.`.
    package let name: [UInt8]
    package let value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) { (self.name, self.value) = (name, value) }
}

/// The file system of an image that `TreeWriter` writes into a directory. Nothing that it says is believed: the writer checks
/// names, links and loops itself.
package protocol TreeSource {
    associatedtype File: Sendable
    associatedtype Failure: Error, CustomStringConvertible
    /// A place in the listing of a directory.
    associatedtype Listing

    func rootNode() throws(Failure) -> SourceNode<File>
    func listing(of directory: File) throws(Failure) -> Listing
    /// The next entry, without `.` and `..`; nil at the end.
    func next(_ listing: inout Listing) throws(Failure) -> (name: [UInt8], node: SourceNode<File>)?
    func linkTarget(of link: File) throws(Failure) -> [UInt8]
    func attributes(of file: File) throws(Failure) -> [ExtendedAttribute]
    /// Gives the parts of a regular file that are not holes, in rising order.
    /// - Throws: `Failure`, or what `write` threw.
    func content(of file: File, _ write: (_ offset: UInt64, _ bytes: UnsafeRawBufferPointer) throws -> Void) throws
}
