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

extension ImageSource {
    /// Apptainer's text for an image that could not be opened, with the component that was at fault.
    static func openingError(_ error: Errno, given: String, absolute: String) -> SkiffError {
        let retrieving = "failed to retrieve path for \(given)"
        switch error {
        case .tooManySymlinks: return SkiffError("\(retrieving): EvalSymlinks: too many links")
        case .notDirectory: return SkiffError("\(retrieving): not a directory")
        case .noSuchFile:
            return SkiffError("\(retrieving): lstat \(missingComponent(of: absolute) ?? absolute)", errno: error)
        case .accessDenied:
            let parent = parentPath(absolute) ?? "/"
            if (try? status(absolute, follow: false)) == nil, !isAccessible(parent, X_OK) {
                return SkiffError("\(retrieving): lstat \(absolute)", errno: error)
            }
            return SkiffError("\(absolute) is not readable by the current user, check permissions")
        default: return SkiffError("cannot open \(absolute)", errno: error)
        }
    }

    /// The first part of the path that is not there, behind symlinks. For a message only: the tree may have changed.
    private static func missingComponent(of path: String, depth: Int = 0) -> String? {
        guard depth < 40 else { return nil }
        var walked = ""
        for part in path.utf8.split(separator: 0x2F) {
            let parent = walked
            walked += "/" + Substring(part)
            guard let facts = try? status(walked, follow: false) else { return walked }
            if facts.isSymlink, (try? status(walked)) == nil, let target = try? readLink(walked) {
                let whole = target.utf8.first == 0x2F ? target : parent + "/" + target
                return (try? absolutePath(whole)).flatMap { missingComponent(of: $0, depth: depth + 1) }
            }
        }
        return nil
    }
}
