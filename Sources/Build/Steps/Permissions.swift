import Base
import CLinux
import Linux

/// Permissions of files that come from layers: images are made by root, who needs none (`--fix-perms`).
struct Permissions {
    let root: RootTree

    /// Directories get u+rwx, files u+rw.
    func fix() throws(SkiffError) { try fix(root.descriptor, "") }

    private func fix(_ folder: CInt, _ path: String) throws(SkiffError) {
        try during("cannot repair the permissions of \(path.isEmpty ? "/" : path) in the image") { () throws(Errno) in
            // The owner can list it only now.
            let opened = try open(".", SKL_O_PATH | O_DIRECTORY, at: folder)
            try chmod("/proc/self/fd/\(opened.raw)", try status(of: folder).permissions | 0o700)
        }
        let names = try during("cannot read \(path) of the image") { () throws(Errno) in
            let listed = try open(".", O_RDONLY | O_DIRECTORY, at: folder)
            return try entries(of: listed.raw)
        }
        for entry in names {
            let child = path + "/" + entry.text
            do throws(Errno) {
                let name = try PathBytes(entry.name)
                let kind = try status(name, at: folder)
                if kind.isRegular, kind.permissions & 0o600 != 0o600 {
                    try chmod(name, kind.permissions | 0o600, at: folder)
                }
                if !kind.isDirectory { continue }
            } catch {
                throw SkiffError("cannot repair the permissions of \(child) in the image", errno: error)
            }
            let opened = try during("cannot open \(child) of the image") { () throws(Errno) in
                try open(PathBytes(entry.name), SKL_O_PATH | O_DIRECTORY | O_NOFOLLOW, in: folder, resolve: [])
            }
            try fix(opened.raw, child)
        }
    }

    /// Whether there is a directory that rm(1) of its owner cannot empty.
    var areHard: Bool { Self.isHard(root.descriptor) }

    private static func isHard(_ folder: CInt) -> Bool {
        guard let kind = try? status(of: folder), kind.permissions & 0o700 == 0o700,
            let listed = try? open(".", O_RDONLY | O_DIRECTORY, at: folder), let names = try? entries(of: listed.raw)
        else { return true }
        for entry in names {
            guard let name = try? PathBytes(entry.name), (try? status(name, at: folder))?.isDirectory == true else {
                continue
            }
            guard let opened = try? open(name, SKL_O_PATH | O_DIRECTORY | O_NOFOLLOW, in: folder, resolve: []),
                !isHard(opened.raw)
            else { return true }
        }
        return false
    }

    static func warn() {
        Log.warning("The sandbox contains files or directories that cannot be removed with 'rm'.")
        Log.warning("Use 'chmod -R u+rwX' to set permissions that allow removal.")
        Log.warning("Use the '--fix-perms' option of 'build' to change permissions while it is built.")
    }
}
