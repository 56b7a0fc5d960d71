import CLinux
import Linux

// A relative path becomes absolute where the user's word is read, against the directory that skiff was started in.
// Paths in a file (a definition, a Dockerfile, a configuration) are relative to whatever the reader of that file says.
// After that point every path of the host is absolute and clean. Cleaning works on the text, like Go's filepath.Clean,
// which Apptainer's users see: nothing is looked up, so that `link/..` is the directory of the link.

/// Returns `path` from the root, cleaned as text.
/// - Throws: an error when the current directory has no path any more.
package func absolutePath(_ path: String) throws(SkiffError) -> String {
    if path.utf8.first == ASCII.slash { return absolutePath(path, in: "/") }
    let directory = try during("cannot find the current directory") { () throws(Errno) in try currentDirectory() }
    return absolutePath(path, in: directory)
}

/// Returns `path` from the root, cleaned as text; a relative one begins in `directory`.
package func absolutePath(_ path: String, in directory: String) -> String {
    if path.utf8.first == ASCII.slash { return isClean(path) ? path : String(bytes: HostPath(path).cleaned.bytes) }
    return String(bytes: HostPath("/" + directory + "/" + path).cleaned.bytes)
}

/// Returns whether a path is `directory` or lies below it. Both are absolute and clean; names are compared whole and
/// byte by byte, because `/devil` does not lie in `/dev`. Nothing is looked up.
package func isPath(_ path: String, within directory: String) -> Bool {
    let (path, directory) = (path.utf8, directory.utf8)
    guard path.starts(with: directory) else { return false }
    if directory.elementsEqual("/".utf8) || path.count == directory.count { return true }
    return path.dropFirst(directory.count).first == ASCII.slash
}

/// Whether nothing has to be cleaned, as in most absolute paths.
private func isClean(_ path: String) -> Bool {
    // By bytes, not characters: Swift sees a slash followed by a combining mark as one character that is not a slash.
    let bytes = path.utf8
    return bytes.count == 1
        || !bytes.split(separator: ASCII.slash, omittingEmptySubsequences: false).dropFirst()
            .contains { $0.isEmpty || $0.elementsEqual(CollectionOfOne(ASCII.dot)) || $0.elementsEqual("..".utf8) }
}
