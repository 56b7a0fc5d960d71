import CLinux

/// Per-mount attributes; mount_setattr(2).
package struct MountAttributes: OptionSet, Sendable, Hashable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(arrayLiteral flags: Self...) { self.init(rawValue: flags.reduce(0) { $0 | $1.rawValue }) }
    package static let readOnly = MountAttributes(rawValue: 0x1)
    package static let noSuid = MountAttributes(rawValue: 0x2)
    package static let noDev = MountAttributes(rawValue: 0x4)
    package static let noExec = MountAttributes(rawValue: 0x8)
    package static let noAccessTimes = MountAttributes(rawValue: 0x10)
    package static let strictAccessTimes = MountAttributes(rawValue: 0x20)
    /// All values of the field that the two above are of; none of its bits means relatime.
    package static let accessTimes = MountAttributes(rawValue: 0x70)
    package static let noDirectoryTimes = MountAttributes(rawValue: 0x80)
    /// Since Linux 5.14.
    package static let noSymlinks = MountAttributes(rawValue: 0x20_0000)
}

/// open_tree(2) with OPEN_TREE_CLONE: a detached copy of the mount (tree) at a path. Recursive unless told otherwise,
/// because a user namespace refuses to copy a mount without the locked ones below it (EINVAL).
package func cloneTree(_ path: String, at directory: CInt = AT_FDCWD, recursive: Bool = true) throws(Errno) -> OwnedFD {
    let empty: CInt = path.isEmpty ? AT_EMPTY_PATH : 0
    let flags = SKL_OPEN_TREE_CLONE | UInt32(O_CLOEXEC) | UInt32(empty) | (recursive ? SKL_AT_RECURSIVE : 0)
    return OwnedFD(adopting: try checked(path) { skl_open_tree(directory, $0, flags) })
}

/// move_mount(2): attaches a detached mount to the place that an O_PATH descriptor refers to.
package func attach(_ mount: borrowing OwnedFD, onto target: CInt) throws(Errno) {
    let flags = SKL_MOVE_MOUNT_F_EMPTY_PATH | SKL_MOVE_MOUNT_T_EMPTY_PATH
    let source = mount.raw
    _ = try checked { skl_move_mount(source, "", target, "", flags) }
}

/// move_mount(2) onto a path.
package func attach(_ mount: borrowing OwnedFD, at path: String, in directory: CInt = AT_FDCWD) throws(Errno) {
    let source = mount.raw
    _ = try checked(path) { skl_move_mount(source, "", directory, $0, SKL_MOVE_MOUNT_F_EMPTY_PATH) }
}

/// Adds attributes to the mount that a descriptor refers to; mount_setattr(2), and mount(2) on kernels that lack it.
package func setAttributes(_ fd: CInt, set: MountAttributes, recursive: Bool) throws(Errno) {
    let flags = UInt32(AT_EMPTY_PATH) | (recursive ? SKL_AT_RECURSIVE : 0)
    do throws(Errno) {
        _ = try checked { skl_mount_setattr(fd, "", flags, set.rawValue, 0, 0) }
    } catch {
        guard error == .noSystemCall else { throw error }
        try remount(fd, set: set, recursive: recursive)
    }
}

/// Takes attributes off a mount of this namespace's own; mount_setattr(2), Linux 5.12.
package func setAttributes(_ fd: CInt, clear: MountAttributes) throws(Errno) {
    _ = try checked { skl_mount_setattr(fd, "", UInt32(AT_EMPTY_PATH), 0, clear.rawValue, 0) }
}

/// mount_setattr(2): clears, then sets attributes of an attached or detached mount, and says how it propagates.
package func changeMount(
    _ fd: CInt, set: MountAttributes, clear: MountAttributes, propagation: Propagation?, recursive: Bool
) throws(Errno) {
    let flags = UInt32(AT_EMPTY_PATH) | (recursive ? SKL_AT_RECURSIVE : 0)
    let way = propagation?.rawValue ?? 0
    _ = try checked { skl_mount_setattr(fd, "", flags, set.rawValue, clear.rawValue, way) }
}

/// How mounts propagate between namespaces; mount_namespaces(7).
package enum Propagation: UInt64, Sendable {
    case unbindable = 0x2_0000
    case `private` = 0x4_0000
    case slave = 0x8_0000
}

/// Sets the propagation of a whole tree; mount(2) MS_REC.
package func setPropagation(_ propagation: Propagation, of path: String) throws(Errno) {
    _ = try checked(path) { mount("none", $0, nil, UInt(propagation.rawValue) | UInt(MS_REC), nil) }
}

/// fsopen(2), fsconfig(2), fsmount(2): a new file system as a detached mount.
/// - Parameters:
///   - options: `key=value` pairs, or a key with nil for a flag.
///   - source: the `source` string seen in mountinfo.
package func newFilesystem(
    _ type: String, source: String, options: [(String, String?)] = [], attributes: MountAttributes = []
) throws(Errno) -> OwnedFD {
    let context = OwnedFD(adopting: try checked { skl_fsopen(type, 1) })
    let fd = context.raw
    _ = try checked(source) { skl_fsconfig(fd, FSCONFIG_SET_STRING.rawValue, "source", $0, 0) }
    for (key, value) in options {
        if let value {
            _ = try checked(value) { skl_fsconfig(fd, FSCONFIG_SET_STRING.rawValue, key, $0, 0) }
        } else {
            _ = try checked { skl_fsconfig(fd, FSCONFIG_SET_FLAG.rawValue, key, nil, 0) }
        }
    }
    _ = try checked { skl_fsconfig(fd, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0) }
    return OwnedFD(adopting: try checked { skl_fsmount(fd, 1, UInt32(attributes.rawValue)) })
}

/// mount(2), for file systems that the new API does not configure better.
package func mountFilesystem(_ type: String, source: String, at target: String, flags: UInt = 0, data: String = "")
    throws(Errno)
{
    let (source, data) = (try Terminated(source.bytes), try Terminated(data.bytes))
    _ = try checked(target) { mount(source.text, $0, type, flags, data.text) }
}

/// Whether a mount or its file system is read-only; statvfs(3).
package func isReadOnly(mount path: String) throws(Errno) -> Bool {
    var found = statvfs()
    _ = try checked(path) { statvfs($0, &found) }
    return found.f_flag & UInt(ST_RDONLY) != 0
}

package func unmount(_ path: String, detach: Bool) throws(Errno) {
    _ = try checked(path) { umount2($0, detach ? CInt(MNT_DETACH) : 0) }
}

/// pivot_root(2) with both arguments ".": the current directory becomes the root, with the old root under it until that
/// is unmounted; pivot_root(2), notes.
package func pivotIntoCurrentDirectory() throws(Errno) {
    _ = try checked { skl_pivot_root(".", ".") }
}
