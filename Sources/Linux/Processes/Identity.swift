package import CLinux

package func realUID() -> uid_t { getuid() }
package func effectiveUID() -> uid_t { geteuid() }
package func realGID() -> gid_t { getgid() }
package func effectiveGID() -> gid_t { getegid() }
package func processID() -> pid_t { getpid() }
package func parentProcessID() -> pid_t { getppid() }

/// setpgid(2): makes this process the leader of a process group.
package func leadProcessGroup() { _ = setpgid(0, 0) }

/// Names this boot of the machine: /proc/sys/kernel/random/boot_id of proc(5). Empty where /proc does not tell.
package func bootName() -> String {
    let bytes = (try? readFile("/proc/sys/kernel/random/boot_id", limit: 64)) ?? []
    return String(bytes: bytes.prefix { $0 != 0x0A })
}

/// getgroups(2).
package func supplementaryGroups() -> [gid_t] {
    let count = getgroups(0, nil)
    guard count > 0 else { return [] }
    var groups = [gid_t](repeating: 0, count: Int(count))
    let got = getgroups(count, &groups)
    return Array(groups.prefix(Int(max(0, got))))
}

/// setgroups(2), setresgid(2), setresuid(2), in the order in which one process may call them.
package func becomeUser(_ uid: uid_t, _ gid: gid_t, groups: [gid_t]) throws(Errno) {
    try setGroups(groups)
    try setIDs(uid, gid)
}

/// setresgid(2), setresuid(2).
package func setIDs(_ uid: uid_t, _ gid: gid_t) throws(Errno) {
    _ = try checked { setresgid(gid, gid, gid) }
    _ = try checked { setresuid(uid, uid, uid) }
}

/// A line of the user database; getpwuid(3). Through NSS, so sssd and LDAP users are found.
package struct UserRecord: Sendable, Equatable {
    package let name: String
    package let uid: uid_t
    package let gid: gid_t
    package let gecos: String
    package let home: String
    package let shell: String
    package init(name: String, uid: uid_t, gid: gid_t, gecos: String, home: String, shell: String) {
        (self.name, self.uid, self.gid, self.gecos, self.home, self.shell) = (name, uid, gid, gecos, home, shell)
    }
}

package func userRecord(uid: uid_t) -> UserRecord? {
    guard let entry = getpwuid(uid)?.pointee else { return nil }
    return UserRecord(entry)
}

package func userRecord(name: String) -> UserRecord? {
    guard let entry = getpwnam(name)?.pointee else { return nil }
    return UserRecord(entry)
}

extension UserRecord {
    init(_ entry: passwd) {
        func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String { pointer.map { String(bytes: $0) } ?? "" }
        self.init(
            name: text(entry.pw_name), uid: entry.pw_uid, gid: entry.pw_gid, gecos: text(entry.pw_gecos),
            home: text(entry.pw_dir), shell: text(entry.pw_shell))
    }
}

/// getgrgid(3): the name of a group, through NSS.
package func groupName(gid: gid_t) -> String? {
    guard let entry = getgrgid(gid)?.pointee, let name = entry.gr_name else { return nil }
    return String(bytes: name)
}

/// getgrnam(3): the number of a group, through NSS.
package func groupID(name: String) -> gid_t? { getgrnam(name)?.pointee.gr_gid }

package func setUmask(_ mask: mode_t) -> mode_t { umask(mask) }
