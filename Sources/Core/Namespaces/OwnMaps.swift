package import Linux

/// Writes the maps of the user namespace this process has just made: one id each, which needs no privilege once
/// setgroups is denied; user_namespaces(7).
package func writeOwnMaps(uid: IDMap, gid: IDMap) throws(Errno) {
    try writeControl("/proc/self/setgroups", "deny")
    try writeControl("/proc/self/uid_map", "\(uid.inside) \(uid.outside) 1")
    try writeControl("/proc/self/gid_map", "\(gid.inside) \(gid.outside) 1")
}
