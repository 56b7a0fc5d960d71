package import CLinux

/// A path or name as raw bytes. Names in images are in no promised encoding, and a `String` would repair the ones that
/// are not UTF-8: a different name.
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

package func makeDirectory(_ path: PathBytes, mode: mode_t, at directory: CInt) throws(Errno) {
    _ = try checked { path.withPointer { mkdirat(directory, $0, mode) } }
}

package func makeNode(_ path: PathBytes, mode: mode_t, device: dev_t, at directory: CInt) throws(Errno) {
    _ = try checked { path.withPointer { mknodat(directory, $0, mode, device) } }
}

/// major(3), minor(3).
package func deviceParts(_ number: UInt64) -> (major: UInt32, minor: UInt32) {
    (skl_major(dev_t(number)), skl_minor(dev_t(number)))
}

/// makedev(3).
package func deviceNumber(major: UInt32, minor: UInt32) -> dev_t { skl_makedev(major, minor) }
package func majorNumber(of device: UInt64) -> UInt32 { skl_major(dev_t(device)) }
package func minorNumber(of device: UInt64) -> UInt32 { skl_minor(dev_t(device)) }

package func makeSymlink(_ target: PathBytes, at path: PathBytes, in directory: CInt) throws(Errno) {
    _ = try checked { target.withPointer { text in path.withPointer { symlinkat(text, directory, $0) } } }
}

/// fstatat(2) of the name itself.
package func status(_ path: PathBytes, at directory: CInt) throws(Errno) -> FileStatus {
    var raw = stat()
    _ = try checked { path.withPointer { fstatat(directory, $0, &raw, AT_SYMLINK_NOFOLLOW) } }
    return FileStatus(raw)
}
