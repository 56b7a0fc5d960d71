package import CLinux
package import Core

/// Whether this process may limit what a container uses; cgroups(7).
package struct ControlGroupProbe {
    private let host: CgroupHost
    private let uid: uid_t
    private let asksSystemd: Bool

    /// - Parameter asksSystemd: whether commands have systemd make a scope for limits.
    package init(host: CgroupHost, uid: uid_t, asksSystemd: Bool) {
        (self.host, self.uid, self.asksSystemd) = (host, uid, asksSystemd)
    }

    private var effect: String {
        (uid == 0 ? "" : "an ordinary user can set ") + "no limits of memory, processors or processes"
            + (uid == 0 ? " can be set" : "") + ", and instances have no statistics"
    }

    package func findings() -> [Finding] {
        // A hybrid host has its controllers in version 1, and an empty version 2 beside.
        guard let place = host.place(of: "memory") ?? host.place(of: "pids") else {
            return [
                Finding(
                    "cgroups", .note, "there are no control groups with controllers at /sys/fs/cgroup", effect: effect,
                    cure: "boot with systemd.unified_cgroup_hierarchy=1")
            ]
        }
        if let problem = CgroupAdvice.problem(place, uid: uid) {
            // What the scope will have is seen then.
            if asksSystemd, SystemdScope.helps(place, uid: uid) {
                return [Finding("cgroups", .fine, "control groups of version 2 are made in scopes of systemd")]
            }
            return [Finding("cgroups", .note, problem.fact, effect: effect, cure: problem.cure)]
        }
        let missing = ["cpu", "memory", "pids"].filter { host.place(of: $0) == nil }
        if missing.isEmpty {
            return [
                Finding(
                    "cgroups", .fine,
                    "control groups of version \(place.version.rawValue) can be made below \(place.directory)")
            ]
        }
        return [
            Finding(
                "cgroups", .note, "the control group \(place.name) lacks \(missing.joined(separator: ", "))",
                effect: "limits of these cannot be set",
                cure: "systemctl edit user@.service as root, with Delegate=cpu cpuset io memory pids")
        ]
    }
}
