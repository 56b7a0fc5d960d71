import CLinux

/// Extended attributes by path, without following a last symlink; xattr(7).
package func xattrNames(_ path: String) throws(Errno) -> [String] {
    let size = try checked { llistxattr(path, nil, 0) }
    if size == 0 { return [] }
    var buffer = [UInt8](repeating: 0, count: size)
    let count = try checked {
        buffer.withUnsafeMutableBytes {
            llistxattr(path, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }
    return buffer[..<count].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
}

package func xattr(_ name: String, of path: String) throws(Errno) -> [UInt8] {
    let size = try checked { lgetxattr(path, name, nil, 0) }
    if size == 0 { return [] }
    var buffer = [UInt8](repeating: 0, count: size)
    let count = try checked { buffer.withUnsafeMutableBytes { lgetxattr(path, name, $0.baseAddress, $0.count) } }
    return Array(buffer[..<count])
}

package func setXattr(_ name: String, _ value: [UInt8], of path: String) throws(Errno) {
    _ = try checked { lsetxattr(path, name, value, value.count, 0) }
}

package func removeXattr(_ name: String, of path: String) throws(Errno) {
    _ = try checked { lremovexattr(path, name) }
}
