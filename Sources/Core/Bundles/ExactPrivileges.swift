import CLinux
import Linux

/// Makes this process the user of a bundle's program, with exactly the capabilities that the bundle names; capabilities(7).
///
/// The bounding set needs CAP_SETPCAP, so it comes first; the permitted set survives the change of ids by PR_SET_KEEPCAPS.
func become(_ bundle: PlannedBundle) throws(Errno) {
    let sets = bundle.capabilities
    var number = 0
    while let isPresent = isInBoundingSet(number) {
        if isPresent && sets.bounding & (1 << UInt64(number)) == 0 { try dropFromBoundingSet(number) }
        number += 1
    }
    try keepCapabilitiesOnChange()
    do throws(Errno) {
        try setGroups(bundle.user.groups)
    } catch {
        // A user namespace whose maps an ordinary user wrote lets nobody leave a group; user_namespaces(7).
        guard error == .notPermitted, bundle.user.groups.isEmpty else { throw error }
    }
    try setIDs(bundle.user.uid, bundle.user.gid)
    try clearAmbientSet()
    let current = try capabilities()
    // What this process has not got, it cannot give: the set that is read back decides.
    try setCapabilities(
        CapabilitySets(
            effective: sets.effective & current.permitted, permitted: sets.permitted & current.permitted,
            inheritable: sets.inheritable))
    for number in 0..<64 where sets.ambient & (1 << UInt64(number)) != 0 { try raiseAmbient(number) }
    if bundle.noNewPrivileges { try setNoNewPrivileges() }
    let found = try capabilities()
    let isLess =
        found.effective & ~sets.effective == 0 && found.permitted & ~sets.permitted == 0
        && found.inheritable & ~sets.inheritable == 0
    guard isLess, realUID() == bundle.user.uid, effectiveUID() == bundle.user.uid, realGID() == bundle.user.gid,
        effectiveGID() == bundle.user.gid, !bundle.noNewPrivileges || hasNoNewPrivileges()
    else { throw .notPermitted }
}

extension PlannedBundle.CapabilitySets {
    /// Whether the program may install filters of system calls without no_new_privs; seccomp(2).
    var allowsFilters: Bool { effective & (1 << UInt64(Capability.sysAdmin)) != 0 }
}
