/// A tree that COPY takes files from: the build context, a stage, an image. Its paths are absolute, and nothing outside
/// of it can be reached.
package protocol CopySource {
    /// Returns what is at a path, without following symbolic links, or nil for nothing or something ignored.
    func kind(_ path: String) -> SourceKind?
    /// Returns the names in a directory, in any order.
    func names(_ path: String) -> [String]
}

package enum SourceKind: Sendable, Equatable {
    case directory
    case link(target: String)
    /// A regular file, or a device, socket or pipe.
    case file
}

/// A file or directory that a source of COPY or ADD names.
package struct SourceMatch: Sendable, Equatable {
    /// The path as the source names it; its last component is the name of the copy.
    package let path: String
    /// The path after following all symbolic links, the last one included.
    package let location: String
    package let isDirectory: Bool
}

/// Finds the files that sources of COPY and ADD name.
package struct SourceMatcher<Tree: CopySource> {
    private let tree: Tree

    package init(_ tree: Tree) { self.tree = tree }

    /// - Parameter source: a path or a pattern; `..` does not lead out.
    /// - Returns: the matches, sorted by name; empty only for a pattern that nothing matches.
    package func matches(_ source: String) throws(DockerfileProblem) -> [SourceMatch] {
        let names = ContextPath.cleaned(source)
        guard let first = names.firstIndex(where: PathPattern.isPattern) else {
            let path = "/" + names.map(PathPattern.literal).joined(separator: "/")
            guard let match = match(path) else {
                throw DockerfileProblem("\(source): not found", expected: "a file or directory of the build context")
            }
            return [match]
        }
        var found = ["/" + names[..<first].map(PathPattern.literal).joined(separator: "/")]
        for name in names[first...] {
            let pattern = try PathPattern(name)
            var next: [String] = []
            for directory in found {
                guard let location = resolve(directory), tree.kind(location) == .directory else { continue }
                // A pattern is matched against directories on the way, not against links to them.
                for child in tree.names(location).sorted() where pattern.matches(child) {
                    next.append((directory == "/" ? "" : directory) + "/" + child)
                }
            }
            found = next
        }
        return found.compactMap(match)
    }

    private func match(_ path: String) -> SourceMatch? {
        guard let location = resolve(path), let kind = tree.kind(location) else { return nil }
        return SourceMatch(path: path, location: location, isDirectory: kind == .directory)
    }

    /// Returns the path after following links, whose absolute targets are in the tree.
    private func resolve(_ path: String) -> String? {
        var rest = path.split(separator: "/").map(String.init)[...]
        var done: [String] = []
        var followed = 0
        while let name = rest.popFirst() {
            if name == "." { continue }
            if name == ".." {
                _ = done.popLast()
                continue
            }
            let here = "/" + (done + [name]).joined(separator: "/")
            guard let kind = tree.kind(here) else { return nil }
            guard case .link(let target) = kind else {
                done.append(name)
                continue
            }
            // The kernel's limit: ELOOP.
            followed += 1
            guard followed <= 40 else { return nil }
            if target.hasPrefix("/") { done = [] }
            rest = target.split(separator: "/").map(String.init)[...] + rest
        }
        return "/" + done.joined(separator: "/")
    }
}
