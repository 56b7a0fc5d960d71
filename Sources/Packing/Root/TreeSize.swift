import CLinux
import Linux

/// How much a directory tree holds. It is counted before it is copied or packed, for the progress bar and so that a
/// disk that is too small is noticed before it is full.
package struct TreeSize: Equatable {
    /// Everything but directories; a file with several names counts once.
    package private(set) var files = 0
    /// The bytes of content in regular files, holes included.
    package private(set) var content: Int64 = 0
    /// The bytes that regular files take on disk.
    package private(set) var allocated: Int64 = 0

    /// - Parameter tree: a directory, lent. What cannot be read is left out; the packer reports it.
    package init(of tree: CInt) {
        add(tree)
    }

    private struct Name: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    private mutating func add(_ tree: CInt) {
        guard var visit = try? TreeVisit(tree) else { return }
        var seen: Set<Name> = []
        while true {
            do throws(TreeVisit.Failure) {
                guard let entry = try visit.next() else { return }
                count(entry.status, &seen)
                if entry.status.isDirectory { try visit.enter(entry) }
            } catch {
                continue
            }
        }
    }

    private mutating func count(_ status: FileStatus, _ seen: inout Set<Name>) {
        if status.isDirectory { return }
        if status.links > 1, !seen.insert(Name(device: status.device, inode: status.inode)).inserted { return }
        files += 1
        guard status.isRegular else { return }
        content &+= status.size
        allocated &+= status.allocated
    }
}
