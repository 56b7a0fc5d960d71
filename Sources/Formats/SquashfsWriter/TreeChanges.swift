/// What an image has in addition to the files of its tree, or in their place. It is held in memory, so that an image
/// can have files that its tree, which is only read, lacks. All of it belongs to user and group 0.
///
/// Paths are relative to the root, without links, `.` and `..`; the root is the empty path.
package struct TreeChanges: Sendable {
    package enum Kind: Sendable, Equatable {
        /// A new directory, which hides what the tree has below it.
        case directory
        case file([UInt8])
        case link([UInt8])
        /// Nothing, whatever the tree has there.
        case gone
    }

    package struct Change: Sendable, Equatable {
        package var kind: Kind
        package var permissions: UInt32
        /// In seconds since 1970.
        package var modified: Int64

        package init(_ kind: Kind, permissions: UInt32 = 0, modified: Int64 = 0) {
            (self.kind, self.permissions, self.modified) = (kind, permissions, modified)
        }
    }

    /// By directory and name.
    private var folders: [[UInt8]: [[UInt8]: Change]] = [:]

    package init() {}

    package subscript(directory: [UInt8], name: [UInt8]) -> Change? {
        get { folders[directory]?[name] }
        set { folders[directory, default: [:]][name] = newValue }
    }

    /// Returns all changes of one directory.
    package func below(_ directory: [UInt8]) -> [[UInt8]: Change] { folders[directory] ?? [:] }

    /// Drops the changes below a directory that is about to go.
    package mutating func forget(below directory: [UInt8]) {
        folders = folders.filter { path, _ in
            path != directory && !(path.starts(with: directory) && path.dropFirst(directory.count).first == 0x2F)
        }
    }
}
