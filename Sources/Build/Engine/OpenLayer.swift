import Base
import CLinux
import Linux
import Packing

/// The directory that takes the changes of a step, mounted over the results of the steps before it.
final class OpenLayer {
    let folder: String
    let upper: OwnedFD
    /// The directory that the kernel works in.
    let work: OwnedFD
    let empty: OwnedFD
    /// Where it is mounted; nil while it is not.
    var mountPoint: String?
    private var root: RootTree?

    /// - Parameters:
    ///   - folder: made by `StepStore.begin`.
    ///   - below: lent; the uppermost directory below it, nil for none.
    init(_ folder: String, below: CInt?) throws(SkiffError) {
        self.folder = folder
        do throws(Errno) {
            try makeDirectory(folder + "/empty", mode: 0o755)
            let flags = O_RDONLY | O_DIRECTORY
            upper = try open(folder + "/fs", flags)
            work = try open(folder + "/work", flags)
            empty = try open(folder + "/empty", flags)
            if let below { try LayerMount.copyRoot(from: below, to: folder + "/fs") }
        } catch {
            throw SkiffError("cannot prepare a build step in \(folder)", errno: error)
        }
    }

    func rootTree(at path: String) throws(SkiffError) -> RootTree {
        if let root { return root }
        let opened = try RootTree(path)
        root = opened
        return opened
    }

    /// Unmounts it. Its root file system must not be used any more.
    func close() {
        root = nil
        guard let mountPoint else { return }
        do throws(Errno) {
            try unmount(mountPoint, detach: false)
        } catch {
            // A process that a script has left may work in it.
            try? unmount(mountPoint, detach: true)
        }
        self.mountPoint = nil
    }
}
