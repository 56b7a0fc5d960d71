import Base
import Linux

/// Enters the directory in which the program starts. An image can name it, and can put any link in its place.
///
/// The path is resolved beneath the container's root and through no magic link: /proc/self/fd leads through descriptors
/// into the host's directories (CVE-2024-21626), including those that the caller left open. What was entered is then
/// compared with what its path leads to inside the container.
struct ContainerEntry {
    /// The container's root, after the pivot.
    let root: TreeRoot

    /// Enters the directory and returns its path.
    func enter(_ directory: StartDirectory) throws(SkiffError) -> String {
        switch directory {
        case .required(let path):
            try during("failed to set working directory: chdir \(path)") { () throws(Errno) in try enter(path) }
            return path
        case .preferred(let paths):
            for (index, path) in paths.enumerated() {
                do throws(Errno) {
                    try enter(path)
                    if index > 0 { Log.warning("Could not enter \(paths[0]), starting in \(path)") }
                    return path
                } catch {
                    Log.debug("cannot enter \(path): \(error)")
                }
            }
            try during("cannot enter /") { () throws(Errno) in try enter("/") }
            return "/"
        }
    }

    private func enter(_ path: String) throws(Errno) {
        let directory = try root.open(TreePath(path), [.pathOnly, .directory])
        try changeDirectory(directory.raw)
        // getcwd(2) knows no path of a directory that is not below the root; ENOENT.
        let (entered, found) = (try status(of: directory.raw), try root.status(currentPath(), links: .refused))
        guard entered.device == found.device, entered.inode == found.inode else { throw .crossDevice }
    }

    private func currentPath() throws(Errno) -> TreePath { TreePath(try currentDirectoryBytes()) }
}
