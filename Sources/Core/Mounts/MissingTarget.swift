import Base
import Linux

/// A place that a mount needs and the image does not have.
struct MissingTarget: Equatable {
    /// Absolute, without symbolic links: where the image's own links lead.
    let path: TreePath
    let entry: MissingPlace.Entry

    /// Returns the places that are missing among the plan's destinations. One that lies inside an earlier mount is that
    /// mount's affair.
    static func find(plan: Plan, trees: SourceTrees, image: TreeRoot) throws(Errno) -> [MissingTarget] {
        var result: [MissingTarget] = []
        var covered: [String] = []
        for (index, mount) in plan.mounts.enumerated() {
            let inside = covered.contains { $0 != mount.destination && isPath(mount.destination, within: $0) }
            covered.append(mount.destination)
            guard mount.createDestination, !inside, mount.destination != "/" else { continue }
            guard let entry = entry(for: mount, trees.tree(ofMount: index)) else { continue }
            guard let place = try MissingPlace.find(TreePath(mount.destination), in: image) else { continue }
            let parent = try image.path(ofOpen: place.directory.raw)
            let target = MissingTarget(path: place.names.reduce(parent) { $0.appending($1.bytes) }, entry: entry)
            if !result.contains(target) { result.append(target) }
        }
        return result
    }

    /// Returns what a mount stands on, or a link is; nil when the source is absent and the mount will be skipped.
    private static func entry(for mount: Mount, _ tree: CInt?) -> MissingPlace.Entry? {
        switch mount.source {
        case .bind, .made, .image:
            guard let tree else { return nil }
            return (try? status(of: tree).isDirectory) ?? true ? .directory : .file
        case .filesystem, .session: return .directory
        case .file, .node: return .file
        case .symlink(let target): return .link(to: target.bytes)
        // passwd and group are made only where the image has them.
        case .derived: return nil
        }
    }
}
