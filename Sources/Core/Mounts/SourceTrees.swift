import Base
import CLinux
import Linux

/// Detached copies of everything that comes from the host, taken before our own tmpfs covers a part of it. From then on
/// no path of the host is looked up again: what was checked is what gets mounted (CVE-2021-30465, CVE-2025-52565).
///
/// A class, because move-only descriptors cannot live in an array; it closes what it owns.
final class SourceTrees {
    /// By index of the mount in the plan.
    private var mounts: [Int: CInt] = [:]
    /// The image itself, when it is a directory.
    private var image: CInt?
    /// By index of the layer in the plan.
    private var layers: [Int: CInt] = [:]

    deinit {
        for fd in mounts.values { _ = CLinux.close(fd) }
        for fd in layers.values { _ = CLinux.close(fd) }
        if let image { _ = CLinux.close(image) }
    }

    /// Copies the tree of every bind and layer of the plan.
    init(_ plan: Plan) throws(SkiffError) {
        if plan.image.driver == .directory || plan.image.driver == .extracted {
            let path = plan.image.directory
            let tree = try during("cannot use directory \(path) as the root file system") { () throws(Errno) in
                try cloneTree(path)
            }
            image = tree.release()
        }
        for (index, mount) in plan.mounts.enumerated() {
            guard let path = try Self.hostPath(of: mount) else { continue }
            if let tree = try Self.copy(path, for: mount) { mounts[index] = tree }
        }
        for (index, layer) in plan.layers.enumerated() {
            guard let path = layer.hostDirectory else { continue }
            let tree = try during("cannot use \(path) as an overlay layer") { () throws(Errno) in try cloneTree(path) }
            layers[index] = tree.release()
        }
    }

    /// Returns the path of the host that a mount shows; a work directory is made first.
    private static func hostPath(of mount: Mount) throws(SkiffError) -> String? {
        switch mount.source {
        case .bind(let path): return path
        case .made(let path, let mode):
            try during("cannot make directory \(path) (\(mount.reason))") { () throws(Errno) in
                if (try? status(path)) != nil { return }
                try makeDirectories(path, mode: 0o700)
                try chmod(path, mode_t(mode))
            }
            return path
        default: return nil
        }
    }

    private static func copy(_ path: String, for mount: Mount) throws(SkiffError) -> CInt? {
        do throws(Errno) {
            let tree = try cloneTree(path)
            if !mount.attributes.isEmpty { try restrict(tree.raw, mount.attributes) }
            return tree.release()
        } catch {
            switch mount.missing {
            case .ignore: Log.verbose("skipping mount of \(path): \(error)")
            case .warn: Log.warning(OwnPlaces.prefix(mount.origin) + "skipping mount of \(path): \(error)")
            case .fail:
                let who = OwnPlaces.prefix(mount.origin)
                if error == .noSuchFile {
                    throw SkiffError("\(who)mount source \(path) doesn't exist")
                }
                throw SkiffError(
                    "\(who)cannot bind \(path) (\(mount.reason))", errno: error,
                    hint: error == .tooManyFiles ? "Raise the hard limit of open files: ulimit -n" : nil)
            }
            return nil
        }
    }

    /// Lends the tree of a mount; nil when its source was missing and that is allowed.
    func tree(ofMount index: Int) -> CInt? { mounts[index] }

    /// Gives away the tree of a mount: it is attached once.
    func takeTree(ofMount index: Int) -> OwnedFD? {
        mounts.removeValue(forKey: index).map { OwnedFD(adopting: $0) }
    }

    /// Keeps the tree of a mount that comes out of an image.
    func put(_ tree: consuming OwnedFD, forMount index: Int) { mounts[index] = tree.release() }

    func takeImage() -> OwnedFD? { image.take().map { OwnedFD(adopting: $0) } }

    func takeTree(ofLayer index: Int) -> OwnedFD? {
        layers.removeValue(forKey: index).map { OwnedFD(adopting: $0) }
    }
}

/// Adds restrictions to a detached tree and all below it. A mount that came locked from another user namespace may keep
/// its flags; adding is always allowed, so EPERM here means a flag that is locked the other way, and stays
/// (Docs/spec/runtime.md §2).
func restrict(_ tree: CInt, _ attributes: MountAttributes) throws(Errno) {
    do throws(Errno) {
        try setAttributes(tree, set: attributes, recursive: true)
    } catch {
        if error != .notPermitted { throw error }
        Log.verbose("a mount keeps its flags: \(error)")
    }
}

extension Layer {
    /// The directory of the host that the layer needs attached: for a writable one the parent of upper and work, which
    /// must be on one mount; overlayfs.rst.
    var hostDirectory: String? {
        switch kind {
        case .lower(let path): path
        case .upper(let upper, _): parentPath(upper)
        case .temporaryUpper, .served: nil
        }
    }
}
