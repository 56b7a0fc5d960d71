import Linux

/// Capability names and numbers; capabilities(7), linux/capability.h.
package enum Capability {
    private static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]

    package static let sysAdmin = 21
    /// The bits of all of them.
    package static let everything = (UInt64(1) << UInt64(names.count)) - 1

    /// Returns the bit number of `CAP_X`, `X` or `x`; nil when there is no such capability.
    package static func number(of name: String) -> Int? {
        var word = name.uppercased()
        if word.hasPrefix("CAP_") { word.removeFirst(4) }
        return names.firstIndex(of: word)
    }

    /// Returns the set that a comma list names, `all` included, and the words that name nothing.
    package static func set(of words: [String], all: UInt64) -> (bits: UInt64, unknown: [String]) {
        var bits: UInt64 = 0
        var unknown: [String] = []
        for word in words {
            if word.lowercased() == "all" {
                bits |= all
            } else if let number = number(of: word) {
                bits |= 1 << UInt64(number)
            } else {
                unknown.append(word)
            }
        }
        return (bits, unknown)
    }

    /// Returns `CAP_X` of every capability, in the order of their numbers.
    package static var allNames: [String] { names.map { "CAP_" + $0 } }

    /// Returns `CAP_CHOWN` and so on, for `--explain`.
    package static func names(of bits: UInt64) -> [String] {
        names.indices.filter { bits & (1 << UInt64($0)) != 0 }.map { "CAP_" + names[$0] }
    }
}

/// Puts the planned privileges in force on this process, the last step before exec.
///
/// The order matters: bounding set and ambient set need CAP_SETPCAP and permitted bits, so they go before capset;
/// no_new_privs goes last: it needs nothing and takes everything away.
func apply(_ privileges: Privileges, userID: UInt32) throws(Errno) {
    let current = try capabilities()
    let kept = privileges.capabilities & current.permitted
    if current.permitted != 0 || userID == 0 {
        var number = 0
        while let present = isInBoundingSet(number) {
            if present && privileges.capabilities & (1 << UInt64(number)) == 0 {
                // Without CAP_SETPCAP the bounding set stays; no_new_privs then makes it meaningless.
                do throws(Errno) {
                    try dropFromBoundingSet(number)
                } catch {
                    if error != .notPermitted { throw error }
                }
            }
            number += 1
        }
    }
    if let target = privileges.target {
        try keepCapabilitiesOnChange()
        try becomeUser(target.uid, target.gid, groups: target.groups)
    }
    try clearAmbientSet()
    // Inheritable and ambient carry the set across the exec of a user that is not root; root gets it from the exec
    // itself.
    let carried = (privileges.target?.uid ?? userID) == 0 ? 0 : kept
    try setCapabilities(CapabilitySets(effective: kept, permitted: kept, inheritable: carried))
    if carried != 0 {
        for number in 0..<64 where carried & (1 << UInt64(number)) != 0 { try raiseAmbient(number) }
    }
    if privileges.noNewPrivileges { try setNoNewPrivileges() }
    try verify(privileges, kept: kept)
    if current.permitted != 0 || userID == 0 { try verifyBounds(privileges) }
}

/// What an exec of root gets is the bounding set, where no_new_privs does not keep it from getting anything.
private func verifyBounds(_ privileges: Privileges) throws(Errno) {
    if privileges.noNewPrivileges { return }
    var number = 0
    while let present = isInBoundingSet(number) {
        guard !present || privileges.capabilities & (1 << UInt64(number)) != 0 else { throw .notPermitted }
        number += 1
    }
}

/// Reads back what is in force: a kernel, a sandbox or a change of this code that gives more must not go unnoticed.
private func verify(_ privileges: Privileges, kept: UInt64) throws(Errno) {
    let found = try capabilities()
    let isLess = found.effective & ~kept == 0 && found.permitted & ~kept == 0 && found.inheritable & ~kept == 0
    guard isLess, !privileges.noNewPrivileges || hasNoNewPrivileges() else { throw .notPermitted }
    guard let target = privileges.target else { return }
    let isTarget = effectiveUID() == target.uid && realUID() == target.uid && effectiveGID() == target.gid
    guard isTarget, Set(supplementaryGroups()) == Set(target.groups) else { throw .notPermitted }
}
