import Base
package import CLinux
import Linux

/// Why limits cannot be had, and what helps. A limit that cannot be set ends the command; who asked for it would not notice.
package enum CgroupAdvice {
    static func refusal(_ limit: CgroupLimit, _ reason: String, errno: Errno? = nil, hint: String? = nil) -> SkiffError
    {
        SkiffError("cannot set \(limit.text): \(reason)", errno: errno, hint: hint)
    }

    static func controller(_ name: String, _ host: CgroupHost) -> String? {
        guard host.places.contains(where: { $0.version == .two && !$0.isRoot }) else { return nil }
        return effectiveUID() == 0
            ? "Start it where the controller is delegated: systemd-run --scope --property=Delegate=yes"
            : "Have root delegate it: systemctl edit user@.service, Delegate=cpu cpuset io memory pids"
    }

    /// Why no cgroup can be made in a place, and the cure; nil where one can.
    package static func problem(_ place: CgroupHost.Place, uid: uid_t) -> (fact: String, cure: String)? {
        if !place.isWritable {
            if place.version == .one {
                return uid == 0
                    ? ("\(place.directory) cannot be written", "mount the cgroup hierarchies for writing")
                    : (
                        "cgroups of version 1 are root's",
                        "boot with systemd.unified_cgroup_hierarchy=1, or let the batch system limit the job"
                    )
            }
            return uid == 0
                ? ("\(place.directory) cannot be written", "mount /sys/fs/cgroup for writing")
                : ("the cgroup of this session, \(place.name), belongs to somebody else", scope(uid))
        }
        if place.isThreaded {
            return (
                "a cgroup that another command has made below \(place.name) is still in use",
                "end the processes that the command has left, then skiff doctor --clean; or " + scope(uid)
            )
        }
        guard let stranger = place.strangers.first else { return nil }
        return (
            "process \(stranger) is in the cgroup of this command, \(place.name), too, where controllers cannot be shared",
            scope(uid)
        )
    }

    private static func scope(_ uid: uid_t) -> String {
        "systemd-run \(uid == 0 ? "" : "--user ")--scope --property=Delegate=yes, in front of the command"
    }
}
