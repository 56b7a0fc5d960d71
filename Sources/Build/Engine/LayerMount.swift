import CLinux
import Linux

/// Mounts directories over each other: what steps changed, one upon the other.
struct LayerMount {
    /// In a user namespace the overlay notes in user xattrs what it otherwise notes in trusted ones; the two do not mix.
    let isUserNamespace: Bool

    /// - Parameters:
    ///   - layers: lent descriptors of directories, the lowest first; at least one.
    ///   - changes: where changes go, with an empty directory for the kernel; nil to mount read-only.
    func mount(_ layers: [CInt], changes: (upper: CInt, work: CInt)?, at target: String) throws(Errno) {
        // By descriptor: no path is too long for the one page of options, and none holds a colon or comma.
        func path(_ descriptor: CInt) -> String { "/proc/self/fd/\(descriptor)" }
        var options = ["lowerdir=" + layers.reversed().map(path).joined(separator: ":")]
        if let changes { options += ["upperdir=" + path(changes.upper), "workdir=" + path(changes.work)] }
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

    /// What a new layer's root must be given, because an overlay shows the root of its uppermost layer.
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
