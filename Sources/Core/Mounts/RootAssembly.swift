import Base
import CLinux
import Linux

/// Brings the image, the layers and the supplied mount targets together as the session's `root`.
///
/// The current directory must be the session: overlay options name their directories relative to it.
struct RootAssembly {
    let plan: Plan
    let trees: SourceTrees
    let links: ChildLinks

    /// - Parameter session: where `image` is mounted already.
    /// - Returns: the directory that becomes the root, relative to the session.
    func assemble(_ session: borrowing Session) throws(SkiffError) -> String {
        let needsUpper = plan.layers.contains { $0.isWritable }
        let missing = try targets(session)
        if plan.layers.isEmpty && missing.isEmpty { return "image" }
        if plan.image.targets == .underlay && plan.layers.isEmpty { return try underlay(missing, session) }
        try supply(missing, session)
        var options = try attachLayers(session)
        options.lower += ["image", "layers/targets"]
        defer { for descriptor in options.opened { _ = CLinux.close(descriptor) } }
        do throws(Errno) {
            try mountOverlay(options, writable: needsUpper, session)
            return "root"
        } catch {
            let isWithheld = error == .notPermitted || error == .noSuchDevice
            if isWithheld && plan.layers.isEmpty { return try underlay(missing, session) }
            throw SkiffError(
                "cannot mount the overlay of the root file system", errno: error,
                hint: isWithheld
                    ? OverlayAdvice.withheld
                    : error == .readOnlyFilesystem
                        ? "Its directory work holds what this user cannot remove: empty it" : nil)
        }
    }

    private func underlay(_ missing: [MissingTarget], _ session: borrowing Session) throws(SkiffError) -> String {
        try Underlay(session: session.directory.raw).supply(missing)
        return "image"
    }

    /// Returns the mount targets that the image lacks. Nothing is supplied to an image opened for writing: its own
    /// directories are the user's.
    private func targets(_ session: borrowing Session) throws(SkiffError) -> [MissingTarget] {
        if plan.image.targets == .none { return [] }
        return try during("cannot look into image \(plan.image.path)") { () throws(Errno) in
            let image = try open(EntryName("image"), [.pathOnly, .directory], at: session.directory.raw)
            return try MissingTarget.find(plan: plan, trees: trees, image: TreeRoot(adopting: image))
        }
    }

    private func supply(_ missing: [MissingTarget], _ session: borrowing Session) throws(SkiffError) {
        try during("cannot make mount targets") { () throws(Errno) in
            try makeDirectory("layers/targets", at: session.directory.raw)
            let layer = TreeRoot(
                adopting: try open("layers/targets", SKL_O_PATH | O_DIRECTORY, at: session.directory.raw))
            for target in missing {
                guard let place = try MissingPlace.find(target.path, in: layer) else { continue }
                try place.make(target.entry) { _ in true }
            }
        }
    }

    private struct OverlayDirectories {
        /// Whether one of them belongs to somebody else than root: users have written what is there, and are to read what will be.
        var belongToUser = false

        /// Highest first, as overlayfs wants them.
        var lower: [String] = []
        var upper: (upper: String, work: String)?
        /// Closed when the overlay is mounted.
        var opened: [CInt] = []
    }

    /// Attaches the host's directories below the session. Later layers lie above earlier ones.
    private func attachLayers(_ session: borrowing Session) throws(SkiffError) -> OverlayDirectories {
        var result = OverlayDirectories()
        for (index, layer) in plan.layers.enumerated() {
            let place = "layers/\(index)"
            if case .served(let image) = layer.kind {
                try makeLayerPlace(place, session)
                let mount = LayerMount(plan: plan, image: image, index: index, session: session.directory.raw)
                let found = try mount.attach(at: place, links)
                result.opened += found.descriptors
                if let work = found.work {
                    result.upper = (found.layer, work)
                } else {
                    result.lower.insert(found.layer, at: 0)
                }
                continue
            }
            try during("cannot attach overlay layer \(layer.hostDirectory ?? "in memory")") { () throws(Errno) in
                try makeDirectory(place, at: session.directory.raw)
                if let tree = trees.takeTree(ofLayer: index) {
                    try attach(tree, at: place, in: session.directory.raw)
                    let owner = try status(place, at: session.directory.raw).uid
                    if layer.hostDirectory != nil, owner != 0 { result.belongToUser = true }
                }
                switch layer.kind {
                case .served: break
                case .lower: result.lower.insert(place, at: 0)
                case .upper(let upper, let work):
                    result.upper = (place + "/" + lastComponent(upper), place + "/" + lastComponent(work))
                case .temporaryUpper:
                    try makeDirectory(place + "/upper", at: session.directory.raw)
                    try makeDirectory(place + "/work", at: session.directory.raw)
                    result.upper = (place + "/upper", place + "/work")
                }
            }
        }
        return result
    }

    private func makeLayerPlace(_ place: String, _ session: borrowing Session) throws(SkiffError) {
        let directory = session.directory.raw
        try during("cannot make a place for an overlay layer") { () throws(Errno) in
            try makeDirectory(place, at: directory)
        }
    }

    private func mountOverlay(_ directories: OverlayDirectories, writable: Bool, _ session: borrowing Session)
        throws(Errno)
    {
        var options = "lowerdir=" + directories.lower.joined(separator: ":")
        if let upper = directories.upper { options += ",upperdir=\(upper.upper),workdir=\(upper.work)" }
        // The dialect of marks that is read and written. Without it an unprivileged overlay cannot remove a directory of the
        // image (EIO), and takes opaque directories of a layer for others. An image of layers is written in one dialect, so that
        // everybody who mounts it can read it.
        let isImage = plan.layers.contains { layer in
            if case .served = layer.kind { true } else { false }
        }
        let isUsers = plan.user != .none || isImage || !inInitialUserNamespace() || directories.belongToUser
        if !plan.layers.isEmpty && isUsers { options += ",userxattr" }
        var flags = UInt(MS_NODEV)
        if !plan.privileges.allowSetuid { flags |= UInt(MS_NOSUID) }
        if !writable { flags |= UInt(MS_RDONLY) }
        try mountFilesystem("overlay", source: "overlay", at: "root", flags: flags, data: options)
        // Where the work directory cannot be emptied, the kernel mounts read-only, and says so to its log alone.
        if writable, try isReadOnly(mount: "root") { throw .readOnlyFilesystem }
    }
}
