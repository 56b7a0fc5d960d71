import Base
import Linux

/// Puts the planned mounts onto the assembled root, in the plan's order. Every destination is found from the root's own
/// descriptor with RESOLVE_IN_ROOT: a symlink of the image cannot lead a mount to the host (CVE-2021-30465).
struct MountExecutor {
    let plan: Plan
    let trees: SourceTrees
    private var places: MountPlaces
    private let asked = AskedMounts()

    /// - Parameter root: the name of the root in the session.
    init(plan: Plan, trees: SourceTrees, root: String, _ session: borrowing Session) throws(SkiffError) {
        (self.plan, self.trees) = (plan, trees)
        do throws(Errno) {
            places = try MountPlaces(plan, root: root, session)
        } catch {
            throw SkiffError("cannot open the root file system of \(plan.image.path)", errno: error)
        }
    }

    mutating func run(_ session: inout Session) throws(SkiffError) {
        for index in plan.mounts.indices { try perform(index, &session) }
        if places.followedLink { try uncover(session) }
        try during("cannot protect directories of the host") { () throws(Errno) in try places.protect() }
    }

    private mutating func perform(_ index: Int, _ session: inout Session) throws(SkiffError) {
        let mount = plan.mounts[index]
        var refusal: String?
        do throws(Errno) {
            if case .symlink(let target) = mount.source {
                try link(target, at: TreePath(mount.destination), mount)
                return
            }
            guard let source = try prepare(index, &session) else { return }
            let top = try status(of: source.raw)
            let target = try places.find(for: mount, isDirectory: top.isDirectory, session)
            // A link of the image can lead there.
            if mount.origin != "core", let place = try? places.root.path(ofOpen: target.raw),
                let reason = OwnPlaces.refusal(of: mount, at: String(bytes: place.bytes))
            {
                refusal = "cannot mount on \(mount.destination), which is \(String(bytes: place.bytes)): \(reason)"
                throw .notPermitted
            }
            if try isRedundant(mount, top, target.raw) { return }
            try attach(source, onto: target.raw)
            if mount.isAsked { asked.add(index, top, source) }
        } catch {
            if let refusal { throw SkiffError(OwnPlaces.prefix(mount.origin) + refusal) }
            switch mount.missing {
            case .ignore: Log.verbose("skipping mount at \(mount.destination): \(error)")
            case .warn: Log.warning("Skipping mount \(mount.sourceText(plan.images)) [\(mount.reason)]: \(error)")
            case .fail: throw failure(mount, error)
            }
        }
    }

    /// Whether a mount would only cover what is right already. There are two: the current directory where it shows
    /// through another bind (Docs/spec/runtime.md §2.4), and /var/tmp of an image in which it is a link to /tmp
    /// (Docs/spec/runtime.md §2.3).
    private func isRedundant(_ mount: Mount, _ top: FileStatus, _ target: CInt) throws(Errno) -> Bool {
        switch mount.group {
        case .cwd:
            let place = mount.destination.utf8
            let others = plan.mounts.filter { $0.group != .cwd }
            if others.contains(where: { $0.destination.utf8.elementsEqual(place) }) { return true }
            return try status(of: target).isSameFile(as: top)
        case .tmp where mount.destination != "/tmp":
            let temporary = try places.root.open("/tmp", .pathOnly)
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
            case .tooManySymlinks:
                "A symbolic link leads into a directory of the host, where nothing is made: make \(mount.destination) first"
            default: nil
            }
        return SkiffError(
            OwnPlaces.prefix(mount.origin)
                + "cannot mount \(mount.sourceText(plan.images)) on \(mount.destination) (\(mount.reason))",
            errno: error, hint: hint
        )
    }

    /// Returns the detached mount to attach; nil when a bind's source was missing and that is allowed.
    private mutating func prepare(_ index: Int, _ session: inout Session) throws(Errno) -> OwnedFD? {
        let mount = plan.mounts[index]
        let tree: OwnedFD
        switch mount.source {
        case .bind, .made, .image: return trees.takeTree(ofMount: index)
        case .filesystem(let type, let options): return try makeFilesystem(type, options, mount.attributes)
        case .session(let mode):
            tree = try cloneTree(try session.stageDirectory(mode: mode), at: session.directory.raw)
        case .file(let bytes, let mode):
            tree = try cloneTree(try session.stageFile(bytes, mode: mode), at: session.directory.raw)
        case .derived(let file):
            guard let bytes = try derive(file, TreePath(mount.destination)) else { return nil }
            tree = try cloneTree(try session.stageFile(bytes, mode: 0o644), at: session.directory.raw)
        case .symlink: return nil
        case .node(let node):
            tree = try cloneTree(try session.stageNode(node), at: session.directory.raw)
            // That of the session has none.
            try setAttributes(tree.raw, clear: [.noDev])
        }
        if !mount.attributes.isEmpty { try restrict(tree.raw, mount.attributes) }
        return tree
    }

    private mutating func makeFilesystem(_ type: String, _ options: [String], _ attributes: MountAttributes)
        throws(Errno) -> OwnedFD
    {
        let pairs = options.map { option in
            let parts = option.split(separator: "=", maxSplits: 1)
            return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
        }
        let mount = try newFilesystem(type, source: type, options: pairs, attributes: attributes)
        if Settings.MemoryFilesystem(rawValue: type) != nil { try places.own(mount) }
        return mount
    }

    /// Returns the image's own file with the caller put in; nil, with a warning, when the image has none that can be
    /// read.
    private func derive(_ file: DerivedFile, _ path: TreePath) throws(Errno) -> [UInt8]? {
        let image: [UInt8]
        do throws(Errno) {
            image = try places.root.readFile(path, limit: Self.largestDerived)
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

    /// In bytes: enough for far more users than any cluster has.
    private static let largestDerived = 16 << 20

    // MARK: mounts that were asked for

    /// A symbolic link can lead a later mount over one that the user asked for. That one is put on top again.
    private mutating func uncover(_ session: borrowing Session) throws(SkiffError) {
        for attached in asked.all where isHidden(attached) && !sharesPlace(attached) {
            let mount = plan.mounts[attached.index]
            do throws(Errno) {
                let target = try places.find(for: mount, isDirectory: attached.top.isDirectory, session)
                try attach(try cloneTree("", at: attached.mount), onto: target.raw)
            } catch {
                throw failure(mount, error)
            }
        }
        for attached in asked.all where isHidden(attached) {
            let mount = plan.mounts[attached.index]
            Log.warning(
                "\(mount.sourceText(plan.images)) is not visible at \(mount.destination): another mount covers it there"
            )
        }
    }

    /// Whether something else is seen in the place of a mount. A bind over the home was meant to cover it.
    private func isHidden(_ attached: AskedMounts.Attached) -> Bool {
        let path = plan.mounts[attached.index].destination
        let isMeant = plan.mounts[(attached.index + 1)...].contains {
            $0.isAsked && isPath(path, within: $0.destination)
        }
        return !isMeant && seen(at: path)?.isSameFile(as: attached.top) != true
    }

    /// Whether another mount that was asked for lies in the very same place: two names of one place have one content.
    private func sharesPlace(_ attached: AskedMounts.Attached) -> Bool {
        guard let found = seen(at: plan.mounts[attached.index].destination) else { return false }
        return asked.all.contains { found.isSameFile(as: $0.top) }
    }

    private func seen(at path: String) -> FileStatus? { try? places.root.status(TreePath(path)) }

    /// Makes a link in a directory of ours. One that the image lacked is there already, among the mount targets.
    private func link(_ target: String, at path: TreePath, _ mount: Mount) throws(Errno) {
        if let there = try? places.root.readLink(path), there == target.bytes { return }
        let place = try places.root.place(path)
        guard try places.isOwn(place.directory.raw) else {
            throw (try? places.root.status(path, links: .lastKept)) == nil ? .readOnlyFilesystem : .exists
        }
        do throws(Errno) {
            try makeSymlink(target.bytes, at: place.name, in: place.directory.raw)
        } catch {
            // A minimal /dev has what the host has, and a link where that has none.
            if error != .exists || mount.group != .dev { throw error }
        }
    }
}

extension Mount {
    /// What is mounted, for messages and `--explain`.
    /// - Parameter images: those of the plan.
    package func sourceText(_ images: [ServedLayer]) -> String {
        switch source {
        case .bind(let path), .made(let path, _): path
        case .image(let index, let path):
            "\(path) of \(images.indices.contains(index) ? images[index].path : "an image")"
        case .filesystem(let type, _): type
        case .session: "an empty directory"
        case .file, .derived: "a generated file"
        case .symlink(let target): "a link to \(target)"
        case .node(let node):
            "a \(node.isBlock ? "block" : "character") device \(node.major):\(node.minor) of \(node.uid):\(node.gid), mode 0"
                + String(node.mode, radix: 8)
        }
    }
}
