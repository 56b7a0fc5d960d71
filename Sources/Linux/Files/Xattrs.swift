import CLinux

/// Extended attributes by path, without following a last symlink; xattr(7).
package func xattrNames(_ path: String) throws(Errno) -> [String] {
    let size = try checked(path) { llistxattr($0, nil, 0) }
    if size == 0 { return [] }
    var buffer = [UInt8](repeating: 0, count: size)
    let count = try checked(path) { path in
        buffer.withUnsafeMutableBytes {
            llistxattr(path, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }
    return buffer[..<count].split(separator: 0).map { String(bytes: $0) }
}

package func xattr(_ name: String, of path: String) throws(Errno) -> [UInt8] {
    let name = try Terminated(name.bytes)
    let size = try checked(path) { lgetxattr($0, name.text, nil, 0) }
    if size == 0 { return [] }
    var buffer = [UInt8](repeating: 0, count: size)
    let count = try checked(path) { path in
        buffer.withUnsafeMutableBytes { lgetxattr(path, name.text, $0.baseAddress, $0.count) }
    }
    return Array(buffer[..<count])
}

package func setXattr(_ name: String, _ value: [UInt8], of path: String) throws(Errno) {
    let name = try Terminated(name.bytes)
    _ = try checked(path) { lsetxattr($0, name.text, value, value.count, 0) }
}

package func removeXattr(_ name: String, of path: String) throws(Errno) {
    let name = try Terminated(name.bytes)
    _ = try checked(path) { lremovexattr($0, name.text) }
}
