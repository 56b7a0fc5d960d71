package import Linux

/// Writes the maps of the user namespace this process has just made: one id each, which needs no privilege once
/// setgroups is denied; user_namespaces(7).
package func writeOwnMaps(uid: IDMap, gid: IDMap) throws(Errno) {
    try writeControl("/proc/self/setgroups", "deny")
    try writeControl("/proc/self/uid_map", "\(uid.inside) \(uid.outside) 1")
    try writeControl("/proc/self/gid_map", "\(gid.inside) \(gid.outside) 1")
}

/// Whether this process lives in the first user namespace, where the kernel lets root mount block devices.
package func inInitialUserNamespace() -> Bool {
    guard let bytes = try? readFile("/proc/self/uid_map", limit: 4096) else { return true }
    let fields = bytes.split { $0 == 0x20 || $0 == 0x0A }.map { String(decoding: $0, as: UTF8.self) }
    return fields == ["0", "0", "4294967295"]
}
