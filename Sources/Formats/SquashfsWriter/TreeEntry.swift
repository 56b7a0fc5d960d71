package import Linux

/// A file as it will appear in the image. The variables may be changed before it is written.
package struct TreeEntry {
    package struct Xattr: Sendable, Equatable {
        package var name: [UInt8]
        package var value: [UInt8]
        package init(name: [UInt8], value: [UInt8]) { (self.name, self.value) = (name, value) }
    }

    /// Relative to the root; empty for the root itself.
    package let path: [UInt8]
    /// What the file is in the tree.
    package let status: FileStatus
    /// Type and permissions. An empty file may become something else, as those that represent device nodes in a tree
    /// made without privileges do; a directory stays a directory.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// In seconds since 1970.
    package var modified: Int64
    /// The device number of a device node.
    package var device: UInt64
    /// The target of a symbolic link.
    package var target: [UInt8] = []
    package var xattrs: [Xattr] = []
}
