import CLinux
import Linux

/// How much a directory tree holds. Counted before it is copied or packed: for the bar that shows the progress, and so
/// that a disk that is too small is noticed before it is full.
package struct TreeSize: Equatable {
    /// Everything but directories; a file with several names counts once.
    package private(set) var files = 0
    /// What regular files hold, in bytes, holes included.
    package private(set) var content: Int64 = 0
    /// What regular files take on disk, in bytes.
    package private(set) var allocated: Int64 = 0

    /// - Parameter tree: a directory, lent. What cannot be read is left out: who packs it says so.
    package init(of tree: CInt) {
        var seen: Set<Name> = []
        add(tree, &seen)
    }

    private struct Name: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    private mutating func add(_ directory: CInt, _ seen: inout Set<Name>) {
        guard let entries = try? entries(of: directory) else { return }
        for entry in entries {
            guard let status = try? status(entry.text, at: directory, follow: false) else { continue }
            if status.isDirectory {
                let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
                guard let opened = try? open(entry.text, flags, at: directory) else { continue }
                add(opened.raw, &seen)
                continue
            }
            if status.links > 1, !seen.insert(Name(device: status.device, inode: status.inode)).inserted { continue }
            files += 1
            guard status.isRegular else { continue }
            content &+= status.size
            allocated &+= status.allocated
        }
    }
}
