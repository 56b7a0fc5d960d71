import CLinux
import Linux

/// `path` from the root, `.` and `..` and double slashes taken out as text (Go's filepath.Abs): symlinks stay.
package func absolutePath(_ path: String) throws(SkiffError) -> String {
    if isClean(path) { return path }
    var whole = path
    if !path.utf8.starts(with: [0x2F]) {
        whole =
            try during("cannot find the current directory") { () throws(Errno) in try currentDirectory() } + "/" + path
    }
    return String(bytes: HostPath(whole).cleaned.bytes)
}

/// Whether nothing is to be done, as for most paths.
private func isClean(_ path: String) -> Bool {
    let bytes = path.utf8
    guard bytes.first == 0x2F else { return false }
    return !bytes.split(separator: 0x2F, omittingEmptySubsequences: false).dropFirst()
        .contains { $0.isEmpty || $0.elementsEqual([0x2E]) || $0.elementsEqual([0x2E, 0x2E]) }
}
