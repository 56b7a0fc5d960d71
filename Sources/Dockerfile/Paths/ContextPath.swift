import Linux

/// Paths as instructions write them.
package enum ContextPath {
    /// Returns the components of a path, cleaned as by Go's filepath.Clean.
    ///
    /// - Parameter isRooted: whether `..` at the top is dropped rather than kept.
    package static func cleaned(_ path: String, isRooted: Bool = true) -> [String] {
        TreePath((isRooted ? "/" : "") + path).cleaned.components.map { String(bytes: $0) }
    }

    /// Returns a path in the image: relative ones begin at `directory`. The result ends in a slash if the path can only
    /// be a directory: it ends in a slash, is `.`, or is empty.
    package static func inImage(_ path: String, from directory: String) -> String {
        let isDirectory = path.isEmpty || path == "." || path.hasSuffix("/") || path.hasSuffix("/.")
        let names = cleaned(path.hasPrefix("/") ? path : directory + "/" + path)
        if names.isEmpty { return "/" }
        return "/" + names.joined(separator: "/") + (isDirectory ? "/" : "")
    }
}
