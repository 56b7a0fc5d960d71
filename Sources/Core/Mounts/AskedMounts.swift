import CLinux
import Linux

/// The mounts that the user asked for, once they are attached: a symbolic link can lead a later mount over one of them.
///
/// A class, because move-only descriptors cannot live in an array; it closes what it owns.
final class AskedMounts {
    struct Attached {
        /// The index of the mount in the plan.
        let index: Int
        /// The top of the mount.
        let top: FileStatus
        let mount: CInt
    }

    private(set) var all: [Attached] = []

    deinit { for attached in all { _ = CLinux.close(attached.mount) } }

    func add(_ index: Int, _ top: FileStatus, _ mount: consuming OwnedFD) {
        all.append(Attached(index: index, top: top, mount: mount.release()))
    }
}

extension FileStatus {
    /// Whether it is the same file, by device and inode.
    func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }
}
