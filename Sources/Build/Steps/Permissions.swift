import Base
import Linux
import Packing

/// The permissions of files that come from layers (`--fix-perms`). Who made them was root, who needs none.
struct Permissions {
    let root: RootTree

    /// Gives directories u+rwx and files u+rw.
    func fix() throws(SkiffError) {
        var pending: [TreePath] = ["/"]
        while let path = pending.popLast() {
            pending += try during("cannot repair the permissions of \(path) in the image") { () throws(Errno) in
                try fix(path)
            }
        }
    }

    /// Returns the directories in a directory. Each is opened from the top, so that one descriptor is held however deep the
    /// tree is.
    private func fix(_ path: TreePath) throws(Errno) -> [TreePath] {
        let folder = try root.open(path, [.pathOnly, .directory], links: .refused)
        // Only now can the owner list it.
        try chmod(ofOpen: folder.raw, try status(of: folder.raw).permissions | 0o700)
        var below: [TreePath] = []
        for entry in try entries(of: folder.raw) {
            let name = try EntryName(entry.name)
            let kind = try status(name, at: folder.raw)
            if kind.isRegular, kind.permissions & 0o600 != 0o600 {
                try chmod(name, kind.permissions | 0o600, at: folder.raw)
            }
            if kind.isDirectory { below.append(path.appending(entry.name)) }
        }
        return below
    }

    /// Whether there is a directory that its owner cannot list, so that rm(1) cannot empty it.
    var areHard: Bool {
        var pending: [TreePath] = ["/"]
        while let path = pending.popLast() {
            guard let below = try? directories(path) else { return true }
            pending += below
        }
        return false
    }

    private func directories(_ path: TreePath) throws(Errno) -> [TreePath] {
        let folder = try root.open(path, [.pathOnly, .directory], links: .refused)
        guard try status(of: folder.raw).permissions & 0o700 == 0o700 else { throw .accessDenied }
        var below: [TreePath] = []
        for entry in try entries(of: folder.raw) {
            let isDirectory = try status(EntryName(entry.name), at: folder.raw).isDirectory
            if isDirectory { below.append(path.appending(entry.name)) }
        }
        return below
    }

    static func warn() {
        Log.warning("The sandbox contains files or directories that cannot be removed with 'rm'.")
        Log.warning("Use 'chmod -R u+rwX' to set permissions that allow removal.")
        Log.warning("Use the '--fix-perms' option of 'build' to change permissions while it is built.")
    }
}
