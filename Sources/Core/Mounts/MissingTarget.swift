import Base
import Linux

/// A place that a mount needs and the image does not have.
struct MissingTarget: Equatable {
    /// Absolute, without symbolic links: where the image's own links lead.
    let path: TreePath
    let isDirectory: Bool

    /// Returns the places that are missing among the plan's destinations. One that lies inside an earlier mount is that
    /// mount's affair.
    static func find(plan: Plan, trees: SourceTrees, image: TreeRoot) throws(Errno) -> [MissingTarget] {
        var result: [MissingTarget] = []
        var covered: [String] = []
        for (index, mount) in plan.mounts.enumerated() {
            if case .symlink = mount.source { continue }
            let inside = covered.contains { $0 != mount.destination && isPath(mount.destination, within: $0) }
            covered.append(mount.destination)
            guard mount.createDestination, !inside, mount.destination != "/" else { continue }
            guard let isDirectory = kind(of: mount, trees.tree(ofMount: index)) else { continue }
            guard let place = try MissingPlace.find(TreePath(mount.destination), in: image) else { continue }
            let parent = try image.path(ofOpen: place.directory.raw)
            let target = MissingTarget(
                path: place.names.reduce(parent) { $0.appending($1.bytes) }, isDirectory: isDirectory)
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
}
