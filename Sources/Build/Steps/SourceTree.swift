import Linux

/// The tree that `%files` copies from: this host, or the root of another stage, which no link leaves.
struct SourceTree {
    /// Nil for the host.
    let root: TreeRoot?
    /// Where relative paths start.
    let directory: [UInt8]

    func open(_ path: [UInt8], _ flags: OpenFlags, follow: Bool = true) throws(Errno) -> OwnedFD {
        if let root { return try root.open(TreePath(path), flags, links: follow ? .followed : .lastKept) }
        return try Linux.open(HostPath(path), follow ? flags : flags.union(.noFollow))
    }

    /// Returns what is at a path, or nil when there is nothing.
    func status(_ path: [UInt8], follow: Bool = true) -> FileStatus? {
        guard let file = try? open(path, .pathOnly, follow: follow) else { return nil }
        return try? Linux.status(of: file.raw)
    }

    private func names(_ path: [UInt8]) -> [[UInt8]] {
        guard let folder = try? open(path.isEmpty ? [0x2F] : path, [.read, .directory]) else { return [] }
        return ((try? entries(of: folder.raw)) ?? []).map(\.name)
    }

    /// Returns the paths that a text with patterns matches, those of each pattern sorted by bytes, or the text itself where
    /// nothing matches. A relative pattern gives relative paths.
    func expand(_ text: String) throws(PathPattern.Malformed) -> [[UInt8]] {
        var result: [[UInt8]] = []
        for pattern in try PathPattern.all(text) {
            let start = pattern.isAbsolute ? [] : directory
            let found = pattern.isLiteral ? [] : expand(pattern.components[...], below: start)
            result += found.isEmpty ? [pattern.literal] : found.map { pattern.isAbsolute ? $0 : relative($0) }
        }
        return result
    }

    func absolute(_ path: [UInt8]) -> [UInt8] { path.first == 0x2F ? path : join(directory, path) }

    private func relative(_ path: [UInt8]) -> [UInt8] { Array(path.dropFirst(directory.count).drop { $0 == 0x2F }) }

    private func join(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] { directory + [0x2F] + name }

    private func expand(_ components: ArraySlice<PathPattern.Component>, below path: [UInt8]) -> [[UInt8]] {
        guard let first = components.first else { return [path] }
        let rest = components.dropFirst()
        switch first {
        case .literal(let name):
            let next = join(path, name)
            if rest.isEmpty { return status(next, follow: false) == nil ? [] : [next] }
            return expand(rest, below: next)
        case .pattern(let pattern):
            return names(path).filter(pattern.matches).flatMap { name in
                let next = join(path, name)
                return rest.isEmpty || status(next)?.isDirectory == true ? expand(rest, below: next) : []
            }
        case .anyDepth: return anyDepth(rest, below: path)
        }
    }

    /// `**` enters neither hidden directories nor links.
    private func anyDepth(_ rest: ArraySlice<PathPattern.Component>, below path: [UInt8]) -> [[UInt8]] {
        var result = expand(rest, below: path)
        for name in names(path) where name.first != 0x2E {
            let next = join(path, name)
            if status(next, follow: false)?.isDirectory == true {
                result += anyDepth(rest, below: next)
            } else if rest.isEmpty {
                result.append(next)
            }
        }
        return result
    }
}
