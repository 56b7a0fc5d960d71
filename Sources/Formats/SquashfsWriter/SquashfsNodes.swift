/// A tree that is not in a file system. Its entries are known by numbers of its own; 0 is the root, a directory.
package protocol SquashfsNodes {
    /// Returns the entries of a directory, sorted by the bytes of their names.
    func entries(of directory: UInt32) -> [(name: [UInt8], node: UInt32)]
    func node(_ number: UInt32) -> SquashfsNode
}

/// An entry of such a tree.
package struct SquashfsNode {
    /// Type and permissions, as stat(2) has them.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32
    /// In seconds since 1970.
    package var modified: Int64
    /// The device number of a device node.
    package var device: UInt64 = 0
    /// The target of a symbolic link.
    package var target: [UInt8] = []
    package var xattrs: [TreeEntry.Xattr] = []
    /// The same for all names of one file; nil for a file with one name.
    package var shared: UInt32?
    /// The content of a regular file; nil for an empty one.
    package var content: SquashfsContent?

    package init(mode: UInt32, uid: UInt32, gid: UInt32, modified: Int64) {
        (self.mode, self.uid, self.gid, self.modified) = (mode, uid, gid, modified)
    }
}

/// The content of a regular file, already written. It belongs to the `SquashfsAssembly` that returned it.
package struct SquashfsContent {
    let number: Int
}
