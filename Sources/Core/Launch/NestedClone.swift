import Base
import CLinux
import Linux

/// Makes a container's first process inside the user namespace of a plugin. Who enters that cannot come back, so a process
/// between does: it clones, writes the maps, which newuidmap(1) cannot there, and ends.
struct NestedClone {
    private let outer: OuterUserNamespace
    private let user: UserNamespace
    private let network: JoinedNetwork?

    /// Nil for a container that is made in the caller's own user namespace, or not made.
    init?(_ launcher: Launcher) {
        guard !launcher.entersContainer, let outer = launcher.plan.outerUser else { return nil }
        (self.outer, user, network) = (outer, launcher.plan.user, launcher.plan.joinedNetwork)
    }

    /// What the process between says: the child, and an error number that is 0 when all is well.
    private struct Report {
        var child: pid_t = 0
        var error: CInt = 0
    }

    /// - Parameters:
    ///   - guardian: who waits for the child; nil when this process does.
    ///   - clone: clones the child as a child of the parent of the process that it is called in.
    /// - Returns: the child, which has its maps already if they are ranges; 0 in the child.
    func make(for guardian: PluginGuard?, _ clone: () throws(Errno) -> pid_t) throws(SkiffError) -> pid_t {
        do throws(Errno) {
            let pipe = try makePipe()
            let reading = OwnedFD(adopting: pipe.first)
            let writing = OwnedFD(adopting: pipe.second)
            let between = try cloneProcess(asSibling: guardian != nil)
            if between == 0 {
                var report = Report()
                do throws(Errno) {
                    try enter()
                    report.child = try clone()
                    if report.child == 0 { return 0 }
                    try writeMaps(of: report.child)
                } catch {
                    report.error = error.rawValue
                }
                try? withUnsafeBytes(of: report) { bytes throws(Errno) in try writeFully(writing.raw, bytes) }
                _exit(0)
            }
            try writing.close()
            var report = Report(error: EPIPE)
            try withUnsafeMutableBytes(of: &report) { bytes throws(Errno) in _ = try read(reading.raw, into: bytes) }
            if let guardian { try guardian.leave(between) } else { _ = try waitFor(between) }
            guard report.error == 0 else {
                if report.child > 0 {
                    try? sendSignal(SIGKILL, to: report.child)
                    _ = try? waitFor(report.child)
                }
                throw Errno(report.error)
            }
            return report.child
        } catch {
            throw SkiffError(
                "cannot make the container's user namespace inside that of \(outer.origin)", errno: error,
                hint: error == .range
                    ? "It must map the ids of the container to themselves" : NamespaceAdvice.hint(for: error))
        }
    }

    private func enter() throws(Errno) {
        try join(outer.descriptor, .user)
        // Joining has closed our memory, and with it the files of /proc by which a child writes its maps. Containers in the
        // same outer namespace have no capabilities here, and the child closes its memory before it runs anything.
        try setDumpable(true)
        let (users, groups) = user.outsideIDs
        for (name, ids) in [("uid_map", users), ("gid_map", groups)] {
            let map = UserIDMap(parsing: try readFile("/proc/self/" + name, limit: 1 << 16))
            guard ids.allSatisfy({ map.keeps($0.first, count: $0.count) }) else { throw .range }
        }
        // The container's own user namespace has no power over it.
        try network?.join()
    }

    private func writeMaps(of child: pid_t) throws(Errno) {
        guard case .ranges(let ids, let uid, let gid) = user else { return }
        for (name, own, range) in [("uid_map", uid, ids.users), ("gid_map", gid, ids.groups)] {
            try writeControl("/proc/\(child)/" + name, "0 \(own) 1\n1 \(range.first) \(range.count)\n")
        }
    }
}

extension UserNamespace {
    /// The ids outside of the namespace that it maps.
    fileprivate var outsideIDs: (users: [SubordinateIDs.Range], groups: [SubordinateIDs.Range]) {
        func one(_ id: UInt32) -> SubordinateIDs.Range { .init(first: id, count: 1) }
        return switch self {
        case .none: ([], [])
        case .new(let uid, let gid): ([one(uid.outside)], [one(gid.outside)])
        case .ranges(let ids, let uid, let gid): ([one(uid), ids.users], [one(gid), ids.groups])
        }
    }
}
