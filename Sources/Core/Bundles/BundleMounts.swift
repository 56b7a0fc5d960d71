import Base
import CLinux
import Linux

/// Puts the tree of a bundle's container together.
///
/// What comes from the host is opened before anything is mounted, and every destination is found beneath the root's own
/// descriptor and mounted on by descriptor: no link of the bundle leads to the host (CVE-2021-30465), and none leads the
/// kernel's own file systems to where the masks are not (CVE-2019-16884, CVE-2023-27561, CVE-2025-31133, CVE-2025-52565).
struct BundleMounts {
    private let bundle: PlannedBundle
    let root: TreeRoot
    /// By index of the mount.
    private let trees: Trees
    /// Read-only only when all the others are in place.
    private var late: [CInt] = []

    /// Trees that are not attached yet. A class, because move-only descriptors cannot live in an array.
    private final class Trees {
        var descriptors: [Int: CInt] = [:]
        var root: CInt?
        /// Where the root lies on the host.
        var place: CInt?
        /// The device of the host that hides files.
        var null: CInt?

        deinit {
            for fd in descriptors.values { _ = CLinux.close(fd) }
            for fd in [root, place] { if let fd { _ = CLinux.close(fd) } }
            if let null { _ = CLinux.close(null) }
        }

        func take(_ index: Int) -> OwnedFD? { descriptors.removeValue(forKey: index).map { OwnedFD(adopting: $0) } }
    }

    private enum Magic {
        /// PROC_SUPER_MAGIC and SYSFS_MAGIC of linux/magic.h.
        static let proc: UInt64 = 0x9FA0
        static let sys: UInt64 = 0x6265_6572
    }

    /// Takes everything from the host, and mounts the root on itself.
    init(_ bundle: PlannedBundle) throws(SkiffError) {
        self.bundle = bundle
        let trees = Trees()
        self.trees = trees
        try during("cannot make room for descriptors") { () throws(Errno) in
            try Inheritance.makeRoom(forDescriptors: 2 * bundle.mounts.count + 64)
        }
        try during("cannot use \(bundle.root) as the root file system") { () throws(Errno) in
            let place = try Linux.open(bundle.root, [.pathOnly, .directory])
            trees.root = try cloneTree("", at: place.raw).release()
            trees.place = place.release()
        }
        try during("cannot use /dev/null of the host") { () throws(Errno) in
            let null = try Linux.open("/dev/null", .pathOnly)
            let found = try status(of: null.raw)
            guard found.isCharacterDevice, found.rawDevice == deviceNumber(major: 1, minor: 3) else {
                throw .noSuchDevice
            }
            // Not a copy of the mount: before Linux 6.15 no copy can be made of one that is attached nowhere.
            trees.null = null.release()
        }
        let isConfined = !inInitialUserNamespace()
        for (index, mount) in bundle.mounts.enumerated() {
            let what = "cannot mount \(mount.name) on \(mount.destination)"
            switch mount.source {
            case .bind(let path, let isRecursive):
                let tree = try during("\(what): source \(path)") { () throws(Errno) in
                    try cloneTree(path, recursive: isRecursive)
                }
                trees.descriptors[index] = tree.release()
            case .device(let node) where isConfined:
                trees.descriptors[index] = try during("cannot show device \(mount.destination) of the host") {
                    () throws(Errno) in
                    let device = try Linux.open(mount.destination, .pathOnly)
                    let found = try status(of: device.raw)
                    guard found.isBlockDevice == node.isBlock, found.isBlockDevice || found.isCharacterDevice,
                        found.rawDevice == deviceNumber(major: node.major, minor: node.minor)
                    else { throw .noSuchDevice }
                    return try cloneTree("", at: device.raw, recursive: false).release()
                }
            case .filesystem(let type, let source, let options) where mount.namesHostPaths:
                trees.descriptors[index] = try during(what) { () throws(Errno) in
                    try newFilesystem(type, source: source, options: Self.pairs(options)).release()
                }
            default: break
            }
        }
        root = try during("cannot use \(bundle.root) as the root file system") { () throws(Errno) in
            // On itself, by descriptor: hooks look for the root file system where the bundle has it.
            guard let tree = trees.root.take().map({ OwnedFD(adopting: $0) }),
                let place = trees.place.take().map({ OwnedFD(adopting: $0) })
            else { throw .noSuchFile }
            try attach(tree, onto: place.raw)
            return TreeRoot(adopting: tree)
        }
    }

    /// - Parameter directory: in which the program starts; made where it is missing.
    mutating func run(startingIn directory: String) throws(SkiffError) {
        for index in bundle.mounts.indices {
            let mount = bundle.mounts[index]
            do throws(Errno) {
                try perform(index, mount)
            } catch {
                throw SkiffError("cannot mount \(mount.name) on \(mount.destination)", errno: error, hint: hint(error))
            }
        }
        try during("cannot make the working directory \(directory)") { () throws(Errno) in
            _ = try root.makeDirectories(TreePath(directory))
        }
    }

    private func hint(_ error: Errno) -> String? {
        switch error {
        case .notPermitted: "The user namespace in which this runs does not let it be mounted, or set"
        case .tooManySymlinks: "A link in the root file system stands in its way"
        case .crossDevice: "Below /proc only some files may be covered"
        default: nil
        }
    }

    /// Called when all hooks have run: makes the root and what is in memory read-only where that is wanted.
    func protect() throws(SkiffError) {
        for fd in late {
            try during("cannot make a file system in memory read-only") { () throws(Errno) in
                try changeMount(fd, set: .readOnly, clear: [], propagation: nil, recursive: false)
            }
            _ = CLinux.close(fd)
        }
        if !bundle.isReadOnly { return }
        try during("cannot make the root file system read-only") { () throws(Errno) in
            try changeMount(root.descriptor, set: .readOnly, clear: [], propagation: nil, recursive: false)
        }
    }

    // MARK: - one mount

    private mutating func perform(_ index: Int, _ mount: BundleMount) throws(Errno) {
        let path = TreePath(mount.destination)
        switch mount.source {
        case .bind:
            guard let tree = trees.take(index) else { throw .noSuchFile }
            try place(tree, path, mount)
        case .filesystem(let type, let source, let options):
            if let tree = trees.take(index) { return try place(tree, path, mount) }
            let tree = try newFilesystem(type, source: source, options: Self.pairs(options))
            if mount.copiesUp, let covered = try? root.open(path, [.read, .directory]) {
                try CopyUp.copy(from: covered.raw, to: tree.raw)
            }
            try place(tree, path, mount)
        case .device(let node): try make(node, path, index, mount)
        case .link(let target):
            let place = try parent(of: path)
            // The multiplexer of the host's terminals, where an image has its node.
            if (try? status(place.name, at: place.directory.raw))?.isCharacterDevice == true {
                try unlink(place.name, at: place.directory.raw)
            }
            do throws(Errno) {
                try makeSymlink(target.bytes, at: place.name, in: place.directory.raw)
            } catch {
                if error != .exists { throw error }
            }
        case .masked: try mask(path)
        case .readOnly: try protect(path)
        }
    }

    private mutating func place(_ tree: consuming OwnedFD, _ path: TreePath, _ mount: BundleMount) throws(Errno) {
        let type = try filesystemType(of: tree.raw)
        let isKernels = [Magic.proc, Magic.sys].contains(type)
        let isDirectory = try status(of: tree.raw).isDirectory
        // A link would lead them to a place where neither masks nor checks expect them.
        let target = try find(path, isDirectory: isDirectory, links: isKernels ? .refused : .followed)
        try check(target.raw, type)
        try attach(tree, onto: target.raw)
        for change in mount.changes {
            var change = change
            if mount.isInMemory && change.set.contains(.readOnly) && !change.isRecursive {
                change.set.remove(.readOnly)
                late.append(try tree.duplicate().release())
            }
            try Self.change(tree.raw, change)
        }
    }

    /// In a user namespace what came with a mount stays with it: such attributes only take away, so that nothing is lost by
    /// them.
    private static func change(_ mount: CInt, _ change: BundleMount.Change) throws(Errno) {
        do throws(Errno) {
            try changeMount(
                mount, set: change.set, clear: change.clear, propagation: change.propagation,
                recursive: change.isRecursive)
        } catch {
            guard error == .notPermitted, !change.clear.isEmpty, !inInitialUserNamespace() else { throw error }
            Log.verbose("a mount keeps attributes that it came with")
            let times = change.set.isDisjoint(with: .accessTimes)
            try changeMount(
                mount, set: times ? change.set : change.set.subtracting(.accessTimes), clear: [], propagation: nil,
                recursive: change.isRecursive)
        }
    }

    /// What lies in a proc file system tells of processes and of the kernel: only these may be covered, by what tells less.
    private static let coverable: Set<TreePath> = [
        "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
        "/proc/loadavg", "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled",
    ]

    /// - Parameter type: of what is to be mounted.
    private func check(_ target: CInt, _ type: UInt64) throws(Errno) {
        let place = try root.path(ofOpen: target)
        if place == "/" { throw .busy }
        if place == "/proc" {
            guard type == Magic.proc else { throw .crossDevice }
            return
        }
        guard try filesystemType(of: target) == Magic.proc || place.lies(in: "/proc") else { return }
        guard Self.coverable.contains(place) else { throw .crossDevice }
    }

    /// Returns the place of a mount, made where it is missing.
    private func find(_ path: TreePath, isDirectory: Bool, links: TreeLinks) throws(Errno) -> OwnedFD {
        do throws(Errno) {
            return try root.open(path, .pathOnly, links: links)
        } catch {
            guard error == .noSuchFile else { throw error }
        }
        guard let place = try MissingPlace.find(path, in: root) else { throw .noSuchFile }
        do throws(Errno) {
            try place.make(isDirectory ? .directory : .file) { (directory) throws(Errno) in
                try !Self.isKernels(directory)
            }
        } catch {
            if error != .exists { throw error }
        }
        return try root.open(path, .pathOnly, links: links)
    }

    private static func isKernels(_ directory: CInt) throws(Errno) -> Bool {
        [Magic.proc, Magic.sys].contains(try filesystemType(of: directory))
    }

    /// Returns the directory of a name, made where it is missing.
    private func parent(of path: TreePath) throws(Errno) -> TreePlace {
        if let parent = path.parent, parent != "/" { _ = try root.makeDirectories(parent) }
        return try root.place(path)
    }

    private func make(_ node: Mount.Node, _ path: TreePath, _ index: Int, _ mount: BundleMount) throws(Errno) {
        let place = try parent(of: path)
        if let tree = trees.take(index) {
            let target = try find(path, isDirectory: false, links: .lastKept)
            try check(target.raw, 0)
            return try attach(tree, onto: target.raw)
        }
        let kind = mode_t(node.isBlock ? S_IFBLK : S_IFCHR)
        let device = deviceNumber(major: node.major, minor: node.minor)
        if (try? status(place.name, at: place.directory.raw)) != nil {
            // One that the image has, and that may be something else.
            let found = try root.status(path, links: .lastKept)
            if found.mode & SKL_S_IFMT == kind, found.rawDevice == device { return }
            try unlink(place.name, at: place.directory.raw)
        }
        try makeNode(place.name, mode: kind | mode_t(node.mode), device: device, at: place.directory.raw)
        // mknod(2) applies the umask.
        try chmod(place.name, mode_t(node.mode), at: place.directory.raw)
        try chown(place.name, node.uid, node.gid, at: place.directory.raw)
    }

    // MARK: - masks

    /// - Throws: for a path that is there and stays visible.
    private func mask(_ path: TreePath) throws(Errno) {
        guard let target = try existing(path) else { return }
        if try status(of: target.raw).isDirectory {
            let empty = try newFilesystem("tmpfs", source: "tmpfs", attributes: [.readOnly, .noSuid, .noDev, .noExec])
            try attach(empty, onto: target.raw)
        } else {
            let null = try cloneTree("", at: trees.null ?? -1, recursive: false)
            try attach(null, onto: target.raw)
        }
    }

    private func protect(_ path: TreePath) throws(Errno) {
        guard let target = try existing(path) else { return }
        let tree = try cloneTree("", at: target.raw)
        try changeMount(tree.raw, set: .readOnly, clear: [], propagation: nil, recursive: true)
        try attach(tree, onto: target.raw)
    }

    /// Returns nil where nothing is, or no directory is on the way.
    private func existing(_ path: TreePath) throws(Errno) -> OwnedFD? {
        do throws(Errno) {
            return try root.open(path, .pathOnly)
        } catch {
            if error == .noSuchFile || error == .notDirectory { return nil }
            throw error
        }
    }

    /// Options as `newFilesystem` takes them.
    private static func pairs(_ options: [String]) -> [(String, String?)] {
        options.map { option in
            guard let equals = option.utf8.firstIndex(of: UInt8(ascii: "=")) else { return (option, nil) }
            return (String(option[..<equals]), String(option[option.index(after: equals)...]))
        }
    }
}
