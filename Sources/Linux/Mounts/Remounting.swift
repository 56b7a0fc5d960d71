import CLinux

// Attributes of mounts where the kernel lacks mount_setattr(2) (Linux 5.12): each mount is remounted by mount(2), which
// takes only attached ones. A detached tree is attached somewhere for that moment, only in the mount namespace of this
// process, and copied: the copy has the attributes.

/// As `setAttributes`, for kernels that lack the call. A detached tree is replaced by another under the same descriptor
/// number.
func remount(_ fd: CInt, set: MountAttributes, recursive: Bool) throws(Errno) {
    let own = "/proc/self/fd/\(fd)"
    do throws(Errno) {
        return try remount(at: own, adding: set)
    } catch {
        // The mount is not attached in this namespace.
        if error != .invalidArgument { throw error }
    }
    // A place of the same kind that every host has: a directory can be attached only to a directory.
    let scratch = try status(of: fd).isDirectory ? try realPath("/tmp") : "/dev/null"
    let tree = OwnedFD(adopting: try checked { dup(fd) })
    try attach(tree, at: scratch)
    defer { try? unmount(scratch, detach: true) }
    for place in recursive ? [own] + (try mountPoints(belowLastAt: scratch)) : [own] {
        try remount(at: place, adding: set)
    }
    let copy = try cloneTree("", at: fd, recursive: true)
    _ = try checked { dup3(copy.raw, fd, O_CLOEXEC) }
}

/// mount(2) MS_REMOUNT | MS_BIND. Flags that are already set stay: in a user namespace most are locked.
private func remount(at place: String, adding set: MountAttributes) throws(Errno) {
    // The bits of mount_setattr(2) and of mount(2) are the same for these.
    let all = try mountFlags(place) | UInt(set.rawValue)
    _ = try checked(place) { mount("none", $0, nil, all | UInt(MS_REMOUNT) | UInt(MS_BIND), nil) }
}

/// Returns the flags of a mount in the form of mount(2); statvfs(3).
private func mountFlags(_ place: String) throws(Errno) -> UInt {
    var found = statvfs()
    _ = try checked(place) { statvfs($0, &found) }
    var flags: UInt = 0
    // ST_RDONLY to ST_NOEXEC, ST_NOATIME and ST_NODIRATIME are MS_RDONLY to MS_NOEXEC, MS_NOATIME and MS_NODIRATIME.
    flags |= UInt(found.f_flag) & (0xF | 0x400 | 0x800)
    // ST_RELATIME is a different bit from MS_RELATIME.
    if UInt(found.f_flag) & 0x1000 != 0 { flags |= 1 << 21 }
    return flags
}

/// Returns the places of all mounts below the newest one at a path, in the order in which they were made;
/// proc_pid_mountinfo(5). A mount that is covered by another one has the same place.
private func mountPoints(belowLastAt path: String) throws(Errno) -> [String] {
    let mounts = try readFile("/proc/self/mountinfo").split(separator: ASCII.newline).compactMap { line in
        let fields = line.split(separator: ASCII.space)
        return fields.count > 4 ? (id: fields[0], parent: fields[1], place: unescaped(fields[4])) : nil
    }
    guard let top = mounts.last(where: { $0.place == path.bytes }) else { throw .noSuchFile }
    var family: Set<ArraySlice<UInt8>> = [top.id]
    var places: [String] = []
    for mount in mounts where family.contains(mount.parent) {
        family.insert(mount.id)
        places.append(String(bytes: mount.place))
    }
    return places
}

/// Undoes `\040` and similar escapes, with which the kernel writes spaces, tabs, newlines and backslashes.
private func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
        let digits = rest.prefix(3)
        if byte == ASCII.backslash, digits.count == 3, let value = UInt8(String(bytes: digits), radix: 8) {
            result.append(value)
            rest = rest.dropFirst(3)
        } else {
            result.append(byte)
        }
    }
    return result
}
