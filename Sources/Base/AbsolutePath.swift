import CLinux
import Linux

/// `path` from the root, `.` and `..` and double slashes taken out as text (Go's filepath.Abs): symlinks stay.
package func absolutePath(_ path: String) throws(SkiffError) -> String {
    if isClean(path) { return path }
    // By bytes, not characters: to Swift a slash and a combining mark after it are one character that is no slash.
    var parts: [Substring.UTF8View] = []
    var whole = path
    if !path.utf8.starts(with: [0x2F]) {
        whole =
            try during("cannot find the current directory") { () throws(Errno) in try currentDirectory() } + "/" + path
    }
    for part in whole.utf8.split(separator: 0x2F) {
        if part.elementsEqual("..".utf8) {
            _ = parts.popLast()
        } else if !part.elementsEqual(".".utf8) {
            parts.append(part)
        }
    }
    return parts.isEmpty ? "/" : parts.reduce(into: "") { $0 += "/" + Substring($1) }
}

/// Whether nothing is to be done, as for most paths.
private func isClean(_ path: String) -> Bool {
    let bytes = path.utf8
    guard bytes.first == 0x2F else { return false }
    return !bytes.split(separator: 0x2F, omittingEmptySubsequences: false).dropFirst()
        .contains { $0.isEmpty || $0.elementsEqual([0x2E]) || $0.elementsEqual([0x2E, 0x2E]) }
}
