/// Paths as instructions write them.
package enum ContextPath {
    /// The names of a path as Go's filepath.Clean leaves them.
    ///
    /// - Parameter isRooted: whether `..` at the top goes nowhere, rather than staying.
    package static func cleaned(_ path: String, isRooted: Bool = true) -> [String] {
        var names: [String] = []
        for name in path.split(separator: "/") where name != "." {
            if name == "..", names.last.map({ $0 != ".." }) ?? isRooted {
                _ = names.popLast()
            } else {
                names.append(String(name))
            }
        }
        return names
    }

    /// A path in the image: relative ones begin at `directory`. A slash at the end stays, since it says that this is a
    /// directory; so do `.` and an empty path.
    package static func inImage(_ path: String, from directory: String) -> String {
        let isDirectory = path.isEmpty || path == "." || path.hasSuffix("/") || path.hasSuffix("/.")
        let names = cleaned(path.hasPrefix("/") ? path : directory + "/" + path)
        if names.isEmpty { return "/" }
        return "/" + names.joined(separator: "/") + (isDirectory ? "/" : "")
    }
}
