package import CLinux

/// A path or name as the bytes it is. Names in images are in no promised encoding, and a `String` would repair the ones
/// that are not UTF-8: a different name.
package struct PathBytes: Sendable, Hashable {
    private let characters: [CChar]

    /// - Throws: `EINVAL` for bytes that hold a NUL.
    package init(_ bytes: [UInt8]) throws(Errno) {
        guard !bytes.contains(0) else { throw .invalidArgument }
        characters = bytes.map { CChar(bitPattern: $0) } + [0]
    }

    func withPointer<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        characters.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { fatalError("a path has at least its NUL") }
            return body(base)
        }
    }
}

/// openat2(2), always close-on-exec.
package func open(_ path: PathBytes, _ flags: CInt, mode: mode_t = 0, in directory: CInt, resolve: Resolve)
    throws(Errno) -> OwnedFD
{
    OwnedFD(
        adopting: try checked {
            path.withPointer {
                skl_openat2(directory, $0, UInt64(flags | O_CLOEXEC), UInt64(mode), resolve.rawValue)
            }
        })
}

/// A directory somewhere below another, without any symbolic link on the way, however long the path is: more than the kernel
/// takes in one call is walked in parts.
///
/// - Parameter path: relative, without `.` and `..`; empty for the directory itself, opened anew.
package func openDirectory(_ path: [UInt8], below root: CInt) throws(Errno) -> OwnedFD {
    let flags = O_RDONLY | O_DIRECTORY
    var rest = path[...]
    var current = try open(".", flags, at: root)
    while !rest.isEmpty {
        var end = rest.endIndex
        if rest.count > 4000 {
            guard let slash = rest.prefix(4000).lastIndex(of: 0x2F) else { throw .nameTooLong }
            end = slash
        }
        current = try open(
            PathBytes(Array(rest[..<end])), flags, in: current.raw, resolve: [.beneath, .noSymlinks])
        rest = rest[end...].drop { $0 == 0x2F }
    }
    return current
}

package func makeDirectory(_ path: PathBytes, mode: mode_t, at directory: CInt) throws(Errno) {
    _ = try checked { path.withPointer { mkdirat(directory, $0, mode) } }
}

package func makeNode(_ path: PathBytes, mode: mode_t, device: dev_t, at directory: CInt) throws(Errno) {
    _ = try checked { path.withPointer { mknodat(directory, $0, mode, device) } }
}

/// unlinkat(2), for anything but a directory.
package func unlink(_ path: PathBytes, at directory: CInt) throws(Errno) {
    _ = try checked { path.withPointer { unlinkat(directory, $0, 0) } }
}

/// major(3), minor(3).
package func deviceParts(_ number: UInt64) -> (major: UInt32, minor: UInt32) {
    (skl_major(dev_t(number)), skl_minor(dev_t(number)))
}

/// makedev(3).
package func deviceNumber(major: UInt32, minor: UInt32) -> dev_t { skl_makedev(major, minor) }

package func makeSymlink(_ target: PathBytes, at path: PathBytes, in directory: CInt) throws(Errno) {
    _ = try checked { target.withPointer { text in path.withPointer { symlinkat(text, directory, $0) } } }
}

package func makeHardLink(_ existing: PathBytes, from source: CInt, at path: PathBytes, in directory: CInt)
    throws(Errno)
{
    _ = try checked { existing.withPointer { old in path.withPointer { linkat(source, old, directory, $0, 0) } } }
}

/// fchownat(2), never through a symlink.
package func chown(_ path: PathBytes, _ uid: uid_t, _ gid: gid_t, at directory: CInt) throws(Errno) {
    _ = try checked { path.withPointer { fchownat(directory, $0, uid, gid, AT_SYMLINK_NOFOLLOW) } }
}

/// fchmodat(2); follows a symlink, so only for what the caller has just made itself.
package func chmod(_ path: PathBytes, _ mode: mode_t, at directory: CInt) throws(Errno) {
    _ = try checked { path.withPointer { fchmodat(directory, $0, mode, 0) } }
}

/// utimensat(2) on the name itself: both times, in seconds since 1970.
package func setTimes(_ path: PathBytes, seconds: Int64, at directory: CInt) throws(Errno) {
    let times = [timespec(tv_sec: time_t(seconds), tv_nsec: 0), timespec(tv_sec: time_t(seconds), tv_nsec: 0)]
    _ = try checked { path.withPointer { utimensat(directory, $0, times, AT_SYMLINK_NOFOLLOW) } }
}

/// lsetxattr(2) on a name in a directory. There is no call that takes both, so the path goes through /proc.
package func setXattr(_ name: PathBytes, _ value: [UInt8], of file: [UInt8], at directory: CInt) throws(Errno) {
    let path = try PathBytes(Array("/proc/self/fd/\(directory)/".utf8) + file)
    _ = try checked { path.withPointer { p in name.withPointer { lsetxattr(p, $0, value, value.count, 0) } } }
}

/// fstatat(2) of the name itself.
package func status(_ path: PathBytes, at directory: CInt) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked { path.withPointer { fstatat(directory, $0, &raw, AT_SYMLINK_NOFOLLOW) } }
    return FileStatus(raw)
}

/// readlinkat(2).
package func readLink(_ path: PathBytes, at directory: CInt) throws(Errno) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = try checked { path.withPointer { readlinkat(directory, $0, &buffer, buffer.count) } }
    return buffer[..<count].map { UInt8(bitPattern: $0) }
}

/// All extended attributes of a name in a directory, sorted by name; none where the file system has no such thing.
/// llistxattr(2), lgetxattr(2), through /proc as `setXattr`. Capabilities that root of another user namespace gave, which mean
/// nothing in this one, are left out.
package func readXattrs(of file: [UInt8], at directory: CInt) throws(Errno) -> [(name: [UInt8], value: [UInt8])] {
    let path = try PathBytes(Array("/proc/self/fd/\(directory)/".utf8) + file)
    // The kernel shows no list and no value above 64 KiB; xattr(7).
    var buffer = [CChar](repeating: 0, count: 256)
    let count: Int
    do throws(Errno) {
        count = try growing(&buffer) { buffer in path.withPointer { llistxattr($0, &buffer, buffer.count) } }
    } catch .notSupported {
        return []
    }
    let names = buffer[..<count].split(separator: 0).map { $0.map { UInt8(bitPattern: $0) } }
    var result: [(name: [UInt8], value: [UInt8])] = []
    for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        let key = try PathBytes(name)
        do throws(Errno) {
            let size = try growing(&buffer) { buffer in
                path.withPointer { p in key.withPointer { lgetxattr(p, $0, &buffer, buffer.count) } }
            }
            result.append((name, buffer[..<size].map { UInt8(bitPattern: $0) }))
        } catch .overflow {
            // Only `security.capability` gives it; capabilities(7), "Namespaced file capabilities".
            continue
        }
    }
    return result
}

/// Again with the largest buffer that can be needed when this one is too small.
private func growing(_ buffer: inout [CChar], _ call: (inout [CChar]) -> Int) throws(Errno) -> Int {
    do throws(Errno) {
        return try checked { call(&buffer) }
    } catch .range where buffer.count < 65536 {
        buffer = [CChar](repeating: 0, count: 65536)
        return try checked { call(&buffer) }
    }
}

/// lremovexattr(2) on a name in a directory.
package func removeXattr(_ name: PathBytes, of file: [UInt8], at directory: CInt) throws(Errno) {
    let path = try PathBytes(Array("/proc/self/fd/\(directory)/".utf8) + file)
    _ = try checked { path.withPointer { p in name.withPointer { lremovexattr(p, $0) } } }
}

/// lgetxattr(2) on a name in a directory; nil where there is no such attribute, or no attributes at all.
package func xattr(_ name: PathBytes, of file: [UInt8], at directory: CInt) throws(Errno) -> [UInt8]? {
    let path = try PathBytes(Array("/proc/self/fd/\(directory)/".utf8) + file)
    return try xattrValue { space in
        path.withPointer { p in name.withPointer { lgetxattr(p, $0, &space, space.count) } }
    }
}

/// setxattr(2) on the very file that a descriptor is, O_PATH and symbolic links included: the link in /proc leads to it and
/// not further.
package func setXattr(_ name: PathBytes, _ value: [UInt8], ofOpen file: CInt) throws(Errno) {
    _ = try checked { name.withPointer { setxattr("/proc/self/fd/\(file)", $0, value, value.count, 0) } }
}

package func removeXattr(_ name: PathBytes, ofOpen file: CInt) throws(Errno) {
    _ = try checked { name.withPointer { removexattr("/proc/self/fd/\(file)", $0) } }
}

/// As `xattr(_:of:at:)`.
package func xattr(_ name: PathBytes, ofOpen file: CInt) throws(Errno) -> [UInt8]? {
    try xattrValue { space in name.withPointer { getxattr("/proc/self/fd/\(file)", $0, &space, space.count) } }
}

private func xattrValue(_ call: (inout [CChar]) -> Int) throws(Errno) -> [UInt8]? {
    var buffer = [CChar](repeating: 0, count: 256)
    do throws(Errno) {
        let size = try growing(&buffer, call)
        return buffer[..<size].map { UInt8(bitPattern: $0) }
    } catch {
        if error == .noData || error == .notSupported { return nil }
        throw error
    }
}
