import CLinux
import Linux

/// Mounts the changes of steps over each other.
struct LayerMount {
    /// The most layers that the kernel takes (OVL_MAX_STACK).
    static let mostLayers = 500

    /// In a user namespace the overlay notes in user xattrs what it otherwise notes in trusted ones; the two do not mix.
    let isUserNamespace: Bool

    /// - Parameters:
    ///   - layers: lent descriptors of directories, the lowest first; at least one, and at most `mostLayers`.
    ///   - changes: the directory for changes, and an empty one that the kernel works in; nil to mount read-only.
    ///   - target: absolute.
    func mount(_ layers: [CInt], changes: (upper: CInt, work: CInt)?, at target: String) throws(Errno) {
        // By descriptor: no name holds a colon or comma, and so many fit into the one page of options as an overlay takes.
        let before = try open(".", O_PATH | O_DIRECTORY)
        try changeDirectory("/proc/self/fd")
        defer { try? changeDirectory(before.raw) }
        var options = ["lowerdir=" + layers.reversed().map(String.init).joined(separator: ":")]
        if let changes { options += ["upperdir=\(changes.upper)", "workdir=\(changes.work)"] }
        options.append(isUserNamespace ? "userxattr" : "index=off,metacopy=off,redirect_dir=off")
        let flags = changes == nil ? UInt(MS_RDONLY) : 0
        // What is kept is synchronised once, at the end: fsync(2) of package managers need not wait for the disk.
        let quick = changes == nil ? options : options + ["volatile"]
        do throws(Errno) {
            try mountFilesystem(
                "overlay", source: "skiff-build", at: target, flags: flags, data: quick.joined(separator: ","))
        } catch .invalidArgument where changes != nil {
            try mountFilesystem(
                "overlay", source: "skiff-build", at: target, flags: flags, data: options.joined(separator: ","))
        }
    }

    /// Mounts of this process are its own, so that nobody sees them and they go with it.
    static func isolate() throws(Errno) {
        try enterNew(.mount)
        try setPropagation(.slave, of: "/")
    }

    /// Gives the root of a new layer what the root below it has, because an overlay shows the root of its uppermost layer.
    static func copyRoot(from source: CInt, to target: String) throws(Errno) {
        let old = try status(of: source)
        try? chown(target, old.uid, old.gid)
        try chmod(target, old.permissions)
        let path = "/proc/self/fd/\(source)/."
        for name in try xattrNames(path) where !name.hasPrefix("security.") && !name.contains(".overlay.") {
            try? setXattr(name, try xattr(name, of: path), of: target)
        }
        try setTimes(HostPath(target), seconds: old.modified)
    }
}
