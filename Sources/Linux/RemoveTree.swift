import CLinux

/// rm -r that never follows a symlink, with names as bytes. A directory without permissions is given them first; what is
/// already gone is no error.
package func removeTree(_ path: String, at directory: CInt = AT_FDCWD) throws(Errno) {
    try removeTree(bytes: Array(path.utf8), at: directory)
}

private func removeTree(bytes: [UInt8], at directory: CInt) throws(Errno) {
    let name = bytes.map { CChar(bitPattern: $0) } + [0]
    do throws(Errno) {
        _ = try checked { unlinkat(directory, name, 0) }
        return
    } catch {
        if error == .noSuchFile { return }
        // EPERM: Linux for a directory on some file systems; unlink(2).
        guard error == .isDirectory || error == .notPermitted else { throw error }
    }
    // A mode of 0500 or 0000 is common in images; the owner may still take the directory away.
    _ = fchmodat(directory, name, 0o700, 0)
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let opened = OwnedFD(adopting: try checked { skl_openat(directory, name, flags, 0) })
    for entry in try entries(of: opened.raw) { try removeTree(bytes: entry.name, at: opened.raw) }
    _ = try checked { unlinkat(directory, name, AT_REMOVEDIR) }
}
