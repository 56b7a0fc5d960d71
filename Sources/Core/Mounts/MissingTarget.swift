import CLinux
import Linux

/// A place that a mount needs and the image does not have.
struct MissingTarget: Equatable {
    /// Absolute, with the image's own symlinks followed as far as they lead.
    let path: String
    let isDirectory: Bool

    /// The missing ones among the plan's destinations. One that lies inside an earlier mount is that mount's affair.
    static func find(plan: Plan, trees: SourceTrees, image: CInt) throws(Errno) -> [MissingTarget] {
        var result: [MissingTarget] = []
        var covered: [String] = []
        for (index, mount) in plan.mounts.enumerated() {
            if case .symlink = mount.source { continue }
            let inside = covered.contains { $0 != mount.destination && isPath(mount.destination, within: $0) }
            covered.append(mount.destination)
            guard mount.createDestination, !inside, mount.destination != "/" else { continue }
            guard let isDirectory = kind(of: mount, trees.tree(ofMount: index)) else { continue }
            guard let place = try missingPlace(mount.destination, image: image) else { continue }
            let target = MissingTarget(path: place, isDirectory: isDirectory)
            if !result.contains(target) { result.append(target) }
        }
        return result
    }

    /// Whether a mount wants a directory to stand on; nil when its source is absent and it will be skipped.
    private static func kind(of mount: Mount, _ tree: CInt?) -> Bool? {
        switch mount.source {
        case .bind, .made:
            guard let tree else { return nil }
            return (try? status(of: tree).isDirectory) ?? true
        case .filesystem, .session: return true
        case .file: return false
        // passwd and group are made only where the image has them.
        case .derived, .symlink: return nil
        }
    }

    /// Nil when `destination` exists in the image, else where it would be: the real path of its deepest ancestor that
    /// exists, and the rest. A dangling symlink leads to the place that it names.
    private static func missingPlace(_ destination: String, image: CInt, links: Int = 0) throws(Errno) -> String? {
        if links > 40 { throw .tooManySymlinks }
        var known = destination
        var rest = ""
        while true {
            if let found = try existing(known, image) {
                if rest.isEmpty { return nil }
                guard try status(of: found.raw).isDirectory, !rest.contains("/..") else { return nil }
                return try realPath(of: found.raw, below: image) + rest
            }
            let parent = parentPath(known) ?? "/"
            if let target = danglingLink(known, image) {
                let next = target.hasPrefix("/") ? target : parent + "/" + target
                return try missingPlace(next + rest, image: image, links: links + 1)
            }
            if known == "/" { throw .noSuchFile }
            rest = "/" + lastComponent(known) + rest
            known = parent
        }
    }

    private static func existing(_ path: String, _ image: CInt) throws(Errno) -> OwnedFD? {
        do throws(Errno) {
            return try open(path, SKL_O_PATH, in: image, resolve: [.inRoot, .noMagicLinks])
        } catch {
            if error == .noSuchFile { return nil }
            throw error
        }
    }

    /// What a symlink says whose target is missing.
    private static func danglingLink(_ path: String, _ image: CInt) -> String? {
        guard let link = try? open(path, SKL_O_PATH | O_NOFOLLOW, in: image, resolve: [.inRoot]),
            (try? status(of: link.raw).isSymlink) == true
        else { return nil }
        return try? readLink("", at: link.raw)
    }

    /// The path of an open file within the image: what /proc says of both, one cut from the other.
    private static func realPath(of file: CInt, below image: CInt) throws(Errno) -> String {
        let base = try readLink("/proc/self/fd/\(image)")
        let full = try readLink("/proc/self/fd/\(file)")
        guard isPath(full, within: base) else { throw .crossDevice }
        if base == "/" { return full == "/" ? "" : full }
        return String(Substring(full.utf8.dropFirst(base.utf8.count)))
    }
}
