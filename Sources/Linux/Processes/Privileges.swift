import CLinux

/// The capability sets of a process, one bit a capability; capabilities(7).
package struct CapabilitySets: Sendable, Equatable {
    package var effective: UInt64
    package var permitted: UInt64
    package var inheritable: UInt64
    package init(effective: UInt64, permitted: UInt64, inheritable: UInt64) {
        (self.effective, self.permitted, self.inheritable) = (effective, permitted, inheritable)
    }
}

/// capget(2) of this process.
package func capabilities() throws(Errno) -> CapabilitySets {
    var effective: [UInt32] = [0, 0]
    var permitted: [UInt32] = [0, 0]
    var inheritable: [UInt32] = [0, 0]
    _ = try checked { skl_capget(&effective, &permitted, &inheritable) }
    func join(_ halves: [UInt32]) -> UInt64 { UInt64(halves[0]) | UInt64(halves[1]) << 32 }
    return CapabilitySets(effective: join(effective), permitted: join(permitted), inheritable: join(inheritable))
}

/// capset(2) of this process.
package func setCapabilities(_ sets: CapabilitySets) throws(Errno) {
    func halves(_ set: UInt64) -> [UInt32] { [UInt32(truncatingIfNeeded: set), UInt32(truncatingIfNeeded: set >> 32)] }
    var effective = halves(sets.effective)
    var permitted = halves(sets.permitted)
    var inheritable = halves(sets.inheritable)
    _ = try checked { skl_capset(&effective, &permitted, &inheritable) }
}

/// prctl(2) PR_SET_NO_NEW_PRIVS: exec grants nothing that this process does not have; cannot be undone.
package func setNoNewPrivileges() throws(Errno) { _ = try checked { skl_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } }

package func hasNoNewPrivileges() -> Bool { skl_prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 }

/// prctl(2) PR_CAPBSET_DROP.
package func dropFromBoundingSet(_ capability: Int) throws(Errno) {
    _ = try checked { skl_prctl(PR_CAPBSET_DROP, UInt(capability), 0, 0, 0) }
}

/// prctl(2) PR_CAPBSET_READ: nil beyond the last capability this kernel knows.
package func isInBoundingSet(_ capability: Int) -> Bool? {
    let answer = skl_prctl(PR_CAPBSET_READ, UInt(capability), 0, 0, 0)
    return answer < 0 ? nil : answer == 1
}

package func clearAmbientSet() throws(Errno) {
    _ = try checked { skl_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0) }
}

package func raiseAmbient(_ capability: Int) throws(Errno) {
    _ = try checked { skl_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_RAISE), UInt(capability), 0, 0) }
}

/// prctl(2) PR_SET_KEEPCAPS: a change from root to another user leaves the permitted set as it is.
package func keepCapabilitiesOnChange() throws(Errno) { _ = try checked { skl_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) } }

/// prctl(2) PR_SET_PDEATHSIG: this signal when the thread that made us ends. Cleared by a change of credentials.
package func setParentDeathSignal(_ signal: CInt) throws(Errno) {
    _ = try checked { skl_prctl(PR_SET_PDEATHSIG, UInt(signal), 0, 0, 0) }
}

/// Leaves all memory of this process, and of those that it starts, out of core files that are forced; core(5), coredump_filter. To be
/// called before `setDumpable(false)`, which leaves the file to root. A kernel without the file writes no core files.
package func leaveMemoryOutOfCores() {
    guard let file = try? open("/proc/self/coredump_filter", O_WRONLY) else { return }
    try? writeFully(file.raw, "0")
}

/// prctl(2) PR_SET_DUMPABLE 0: no core dump, and no process of the same user may trace us or read our memory.
package func setDumpable(_ dumpable: Bool) throws(Errno) {
    _ = try checked { skl_prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0) }
}

/// prctl(2) PR_SET_NAME: what ps shows as the command, 15 bytes.
package func setProcessName(_ name: String) { _ = skl_prctl_text(PR_SET_NAME, name) }

/// prctl(2) PR_SET_CHILD_SUBREAPER: descendants whose parent ends become our children.
package func becomeSubreaper() throws(Errno) { _ = try checked { skl_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } }
