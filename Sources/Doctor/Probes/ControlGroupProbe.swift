import CLinux
import Linux

/// Whether this process may limit what a container uses; cgroups(7).
struct ControlGroupProbe {
    private static let root = "/sys/fs/cgroup"
    private static let effect = "an ordinary user can set no limits of memory, processors or processes"

    func findings() -> [Finding] {
        guard isAccessible(Self.root + "/cgroup.controllers", R_OK) else {
            return [
                Finding(
                    "cgroups", .note, "there is no hierarchy of version 2 at /sys/fs/cgroup", effect: Self.effect,
                    cure: "boot with systemd.unified_cgroup_hierarchy=1")
            ]
        }
        let bytes = (try? readFile("/proc/self/cgroup", limit: 1 << 16)) ?? []
        let line = String(bytes: bytes).split(separator: "\n").first { $0.hasPrefix("0::") } ?? "0::/"
        let path = Self.root + (line.dropFirst(3) == "/" ? "" : line.dropFirst(3))
        guard isAccessible(path, W_OK), isAccessible(path + "/cgroup.procs", W_OK) else {
            return [
                Finding(
                    "cgroups", .note, "the control group of this session belongs to somebody else", effect: Self.effect,
                    cure: "systemd-run --user --scope --property=Delegate=yes, in front of the command")
            ]
        }
        let controllers = (try? readFile(path + "/cgroup.controllers", limit: 4096)).map { String(bytes: $0) } ?? ""
        let missing = ["cpu", "memory", "pids"].filter {
            !controllers.split { $0 == " " || $0 == "\n" }.contains($0[...])
        }
        if missing.isEmpty { return [Finding("cgroups", .fine, "control groups of version 2 are delegated")] }
        return [
            Finding(
                "cgroups", .note, "this control group lacks \(missing.joined(separator: ", "))",
                effect: "limits of these cannot be set",
                cure: "systemctl edit user@.service as root, with Delegate=cpu cpuset io memory pids")
        ]
    }
}
