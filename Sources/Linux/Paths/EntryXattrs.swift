import CLinux

// Extended attributes of a name in an open directory; the name is not followed if it is a symbolic link. No system call
// takes both, so the way leads through /proc. Names and values of attributes are bytes; xattr(7).

private func procPath(_ directory: CInt, _ name: EntryName) -> [UInt8] {
    Array("/proc/self/fd/\(directory)/".utf8) + name.bytes
}

/// Returns the link in /proc of an open file, which leads to that very file and no further, O_PATH and symbolic links
/// included.
private func procPath(ofOpen file: CInt) -> [UInt8] { Array("/proc/self/fd/\(file)".utf8) }

/// lsetxattr(2).
package func setXattr(_ key: [UInt8], _ value: [UInt8], of name: EntryName, at directory: CInt) throws(Errno) {
    let key = try Terminated(key)
    _ = try checked(procPath(directory, name)) { lsetxattr($0, key.text, value, value.count, 0) }
}

/// - Parameter flags: XATTR_CREATE, XATTR_REPLACE.
package func setXattr(_ key: [UInt8], _ value: [UInt8], flags: CInt = 0, ofOpen file: CInt) throws(Errno) {
    let key = try Terminated(key)
    _ = try checked(procPath(ofOpen: file)) { setxattr($0, key.text, value, value.count, flags) }
}

/// lremovexattr(2).
package func removeXattr(_ key: [UInt8], of name: EntryName, at directory: CInt) throws(Errno) {
    let key = try Terminated(key)
    _ = try checked(procPath(directory, name)) { lremovexattr($0, key.text) }
}

package func removeXattr(_ key: [UInt8], ofOpen file: CInt) throws(Errno) {
    let key = try Terminated(key)
    _ = try checked(procPath(ofOpen: file)) { removexattr($0, key.text) }
}

/// Returns the value; nil where there is no such attribute, or no attributes at all. lgetxattr(2).
package func xattr(_ key: [UInt8], of name: EntryName, at directory: CInt) throws(Errno) -> [UInt8]? {
    let (path, key) = (procPath(directory, name), try Terminated(key))
    return try value { (space) throws(Errno) in
        try checked(path) { lgetxattr($0, key.text, space.baseAddress, space.count) }
    }
}

package func xattr(_ key: [UInt8], ofOpen file: CInt) throws(Errno) -> [UInt8]? {
    let (path, key) = (procPath(ofOpen: file), try Terminated(key))
    return try value { (space) throws(Errno) in
        try checked(path) { getxattr($0, key.text, space.baseAddress, space.count) }
    }
}

/// Returns the names in the kernel's order; none where the file system has no such thing. listxattr(2).
package func xattrNames(ofOpen file: CInt) throws(Errno) -> [[UInt8]] {
    let path = procPath(ofOpen: file)
    return try names { (space) throws(Errno) in
        try checked(path) { listxattr($0, space.baseAddress, space.count) }
    }
}

/// Returns all attributes, sorted by name; none where the file system has no such thing. llistxattr(2), lgetxattr(2).
/// Capabilities that root of another user namespace gave, which mean nothing in this one, are left out.
package func readXattrs(of name: EntryName, at directory: CInt) throws(Errno) -> [(name: [UInt8], value: [UInt8])] {
    let path = procPath(directory, name)
    return try readXattrs { (space) throws(Errno) in
        try checked(path) { llistxattr($0, space.baseAddress, space.count) }
    } value: { (key, space) throws(Errno) in
        try checked(path) { lgetxattr($0, key.text, space.baseAddress, space.count) }
    }
}

package func readXattrs(ofOpen file: CInt) throws(Errno) -> [(name: [UInt8], value: [UInt8])] {
    let path = procPath(ofOpen: file)
    return try readXattrs { (space) throws(Errno) in
        try checked(path) { listxattr($0, space.baseAddress, space.count) }
    } value: { (key, space) throws(Errno) in
        try checked(path) { getxattr($0, key.text, space.baseAddress, space.count) }
    }
}

private typealias Space = UnsafeMutableBufferPointer<CChar>

private func readXattrs(
    _ list: (Space) throws(Errno) -> Int, value: (Terminated, Space) throws(Errno) -> Int
) throws(Errno) -> [(name: [UInt8], value: [UInt8])] {
    var result: [(name: [UInt8], value: [UInt8])] = []
    for name in try names(list).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        let key = try Terminated(name)
        do throws(Errno) {
            result.append((name, try growing { (space) throws(Errno) in try value(key, space) }))
        } catch .overflow {
            // Only `security.capability` causes it; capabilities(7), "Namespaced file capabilities".
            continue
        }
    }
    return result
}

private func names(_ call: (Space) throws(Errno) -> Int) throws(Errno) -> [[UInt8]] {
    do throws(Errno) {
        return try growing(call).split(separator: ASCII.null).map { Array($0) }
    } catch .notSupported {
        return []
    }
}

private func value(_ call: (Space) throws(Errno) -> Int) throws(Errno) -> [UInt8]? {
    do throws(Errno) {
        return try growing(call)
    } catch {
        if error == .noData || error == .notSupported { return nil }
        throw error
    }
}

/// Tries a small buffer, then the largest that can be needed: the kernel returns no list and no value above 64 KiB;
/// xattr(7).
private func growing(_ call: (Space) throws(Errno) -> Int) throws(Errno) -> [UInt8] {
    do throws(Errno) {
        return try filled(256, call)
    } catch .range {
        return try filled(65536, call)
    }
}

private func filled(_ size: Int, _ call: (Space) throws(Errno) -> Int) throws(Errno) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: size)
    var result: Result<Int, Errno> = .success(0)
    buffer.withUnsafeMutableBufferPointer { space in
        do throws(Errno) { result = .success(try call(space)) } catch { result = .failure(error) }
    }
    return try buffer[..<result.get()].map { UInt8(bitPattern: $0) }
}

/// A text with its NUL, for a call that takes a second one.
struct Terminated {
    let text: [CChar]

    init(_ bytes: [UInt8]) throws(Errno) {
        if bytes.contains(ASCII.null) { throw .invalidArgument }
        text = bytes.map { CChar(bitPattern: $0) } + [0]
    }
}
