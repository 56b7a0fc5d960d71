import Base
import Linux

/// Puts the planned mounts onto the assembled root, in the plan's order. Every destination is found from the root's own
/// descriptor with RESOLVE_IN_ROOT: a symlink of the image cannot lead a mount to the host (CVE-2021-30465).
struct MountExecutor {
    let plan: Plan
    let trees: SourceTrees
    /// The tree whose top becomes `/`.
    let root: TreeRoot
    /// File systems that are our own: no directory of the host lies on them.
    private var ownDevices: [UInt64] = []

    init(plan: Plan, trees: SourceTrees, root: TreeRoot) {
        (self.plan, self.trees, self.root) = (plan, trees, root)
    }

    mutating func run(_ session: inout Session) throws(SkiffError) {
        try during("cannot look at the root file system of \(plan.image.path)") { () throws(Errno) in
            ownDevices = [try status(of: session.directory.raw).device]
            // An overlay of ours; what is written goes into the layer that was opened for it.
            if plan.layers.contains(where: \.isWritable) { ownDevices.append(try status(of: root.descriptor).device) }
        }
        for index in plan.mounts.indices { try perform(index, &session) }
    }

    private mutating func perform(_ index: Int, _ session: inout Session) throws(SkiffError) {
        let mount = plan.mounts[index]
        do throws(Errno) {
            if case .symlink(let target) = mount.source {
                try link(target, at: TreePath(mount.destination))
                return
            }
            guard let source = try prepare(index, &session) else { return }
            let target = try destination(of: mount, isDirectory: try status(of: source.raw).isDirectory)
            if try isRedundant(mount, source.raw, target.raw) { return }
            try attach(source, onto: target.raw)
        } catch {
            switch mount.missing {
            case .ignore: Log.verbose("skipping mount at \(mount.destination): \(error)")
            case .warn: Log.warning("Skipping mount \(mount.sourceText) [\(mount.reason)]: \(error)")
            case .fail: throw failure(mount, error)
            }
        }
    }

    /// Two mounts that would only cover what is right already: the current directory where it shows through another bind
    /// (Docs/spec/runtime.md §2.4), and /var/tmp of an image in which it is a link to /tmp
    /// (Docs/spec/runtime.md §2.3).
    private func isRedundant(_ mount: Mount, _ source: CInt, _ target: CInt) throws(Errno) -> Bool {
        switch mount.group {
        case .cwd:
            if plan.mounts.contains(where: { $0.group != .cwd && $0.destination == mount.destination }) { return true }
            let (here, there) = (try status(of: source), try status(of: target))
            return here.device == there.device && here.inode == there.inode
        case .tmp where mount.destination != "/tmp":
            let temporary = try root.open("/tmp", .pathOnly)
            return try readLink(ofProcess: temporary.raw) == readLink(ofProcess: target)
        default: return false
        }
    }

    private func failure(_ mount: Mount, _ error: Errno) -> SkiffError {
        let hint: String? =
            switch error {
            case .noSuchFile:
                plan.image.writable
                    ? "Make \(mount.destination) in the image first: an image opened with --writable is not changed for mounts"
                    : "\(mount.destination) lies in a directory that another mount covers: make it there first"
            case .notDirectory: "One of source and destination is a directory and the other a file"
            default: nil
            }
        return SkiffError(
            "cannot mount \(mount.sourceText) on \(mount.destination) (\(mount.reason))", errno: error, hint: hint)
    }

    /// The detached mount to attach; nil when a bind's source was missing and that is allowed.
    private mutating func prepare(_ index: Int, _ session: inout Session) throws(Errno) -> OwnedFD? {
        let mount = plan.mounts[index]
        let tree: OwnedFD
        switch mount.source {
        case .bind, .made: return trees.takeTree(ofMount: index)
        case .filesystem(let type, let options): return try makeFilesystem(type, options, mount.attributes)
        case .session(let mode):
            tree = try cloneTree(try session.stageDirectory(mode: mode), at: session.directory.raw)
        case .file(let bytes):
            tree = try cloneTree(try session.stageFile(bytes, mode: 0o644), at: session.directory.raw)
        case .derived(let file):
            guard let bytes = try derive(file, TreePath(mount.destination)) else { return nil }
            tree = try cloneTree(try session.stageFile(bytes, mode: 0o644), at: session.directory.raw)
        case .symlink: return nil
        }
        if !mount.attributes.isEmpty { try restrict(tree.raw, mount.attributes) }
        return tree
    }

    private mutating func makeFilesystem(_ type: String, _ options: [String], _ attributes: MountAttributes)
        throws(Errno)
        -> OwnedFD
    {
        let pairs = options.map { option in
            let parts = option.split(separator: "=", maxSplits: 1)
            return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
        }
        let mount = try newFilesystem(type, source: type, options: pairs, attributes: attributes)
        if ["tmpfs", "ramfs"].contains(type) { ownDevices.append(try status(of: mount.raw).device) }
        return mount
    }

    /// The image's own file with the caller put in; nil, with a warning, when the image has none that can be read.
    private func derive(_ file: DerivedFile, _ path: TreePath) throws(Errno) -> [UInt8]? {
        let image: [UInt8]
        do throws(Errno) {
            image = try root.readFile(path, limit: Self.largestDerived)
        } catch {
            if error == .noDeviceOrAddress || error == .isDirectory || error == .overflow {
                let reason = error == .overflow ? "is too large" : "is no regular file"
                Log.warning("\(path) of the image \(reason), not updating")
                return nil
            }
            Log.warning("\(printableText(path.lastName)) file doesn't exist in container, not updating")
            return nil
        }
        switch file {
        case .passwd(let user): return IdentityFiles.passwd(image: image, user: user)
        case .group(let user, let groups): return IdentityFiles.group(image: image, user: user, groups: groups)
        }
    }

    /// In bytes: far more users than any cluster has.
    private static let largestDerived = 16 << 20

    /// The place to mount on. One that is missing is made where the directory is ours: staged, or in a writable layer. What
    /// the destination's text says of that does not count, since a symbolic link of the image may lead into a directory of
    /// the host that is bound already.
    private func destination(of mount: Mount, isDirectory: Bool) throws(Errno) -> OwnedFD {
        let path = TreePath(mount.destination)
        do throws(Errno) {
            return try root.open(path, .pathOnly)
        } catch {
            guard error == .noSuchFile, mount.createDestination, let place = try MissingPlace.find(path, in: root),
                try isOwn(place.directory.raw)
            else { throw error }
            try place.make(isDirectory: isDirectory, in: isOwn)
            return try root.open(path, .pathOnly)
        }
    }

    private func isOwn(_ directory: CInt) throws(Errno) -> Bool {
        ownDevices.contains(try status(of: directory).device)
    }

    private func link(_ target: String, at path: TreePath) throws(Errno) {
        let place = try root.place(path)
        do throws(Errno) {
            try makeSymlink(Array(target.utf8), at: place.name, in: place.directory.raw)
        } catch {
            if error != .exists { throw error }
        }
    }
}

extension Mount {
    /// What is mounted, for messages and `--explain`.
    package var sourceText: String {
        switch source {
        case .bind(let path), .made(let path, _): path
        case .filesystem(let type, _): type
        case .session: "an empty directory"
        case .file, .derived: "a generated file"
        case .symlink(let target): "a link to \(target)"
        }
    }
}
