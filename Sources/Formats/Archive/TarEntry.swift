/// The header of one member of a tar archive. Names are the bytes of the archive; for numbers, only the ranges were
/// checked.
package struct TarEntry: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case file, directory, pipe
        /// The target of the link.
        case symlink([UInt8])
        /// The name of an earlier member, or of a file of an earlier layer.
        case hardLink([UInt8])
        case character(major: UInt32, minor: UInt32)
        case block(major: UInt32, minor: UInt32)
    }

    package struct Xattr: Sendable, Equatable {
        package var name: [UInt8]
        package var value: [UInt8]
        package init(name: [UInt8], value: [UInt8]) { (self.name, self.value) = (name, value) }
    }

    package var path: [UInt8]
    package var kind: Kind
    /// 07777: permissions, setuid, setgid, sticky.
    package var permissions: UInt16
    package var uid: UInt32
    package var gid: UInt32
    /// In seconds since 1970.
    package var modified: Int64
    /// The size of the content with its holes, in bytes; 0 for everything that has no content.
    package var size: Int64
    package var xattrs: [Xattr]

    package init(
        path: [UInt8], kind: Kind, permissions: UInt16 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0, modified: Int64 = 0,
        size: Int64 = 0, xattrs: [Xattr] = []
    ) {
        (self.path, self.kind, self.permissions, self.uid, self.gid) = (path, kind, permissions, uid, gid)
        (self.modified, self.size, self.xattrs) = (modified, size, xattrs)
    }
}

/// A source of the uncompressed bytes of an archive.
package protocol TarSource: AnyObject {
    /// Returns the next bytes, valid until the next call; empty at the end.
    func next() throws -> UnsafeRawBufferPointer
    /// Skips bytes, where that is cheaper than returning them.
    /// - Returns: how many were skipped; 0 is always allowed.
    func skip(_ count: Int64) throws -> Int64
}

extension TarSource {
    package func skip(_ count: Int64) throws -> Int64 { 0 }
}

/// The archive is damaged, truncated, or has members that cannot be kept.
package struct TarError: Error, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
