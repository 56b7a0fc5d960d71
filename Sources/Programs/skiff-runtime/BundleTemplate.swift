import Base
import CLinux
import Grammar
import Linux

/// `spec`: a config.json to begin with, which runs a shell.
struct BundleTemplate {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    /// - Throws: where there is one already, which stays.
    func write() throws(SkiffError) {
        let path = (invocation[.bundle] ?? ".") + "/config.json"
        do throws(Errno) {
            let file = try open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try writeFully(file.raw, json.text(indent: "\t") + "\n")
        } catch {
            throw SkiffError("cannot write \(path)", errno: error, hint: error == .exists ? "Remove it first" : nil)
        }
    }

    private var isRootless: Bool { invocation[.rootlessBundle] }

    private var json: JSONText {
        let capabilities = JSONText.strings(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"])
        return .members([
            "ociVersion": .string("1.0.2"),
            "process": .members([
                "terminal": .bool(true), "user": .members(["uid": .integer(0), "gid": .integer(0)]),
                "args": .strings(["sh"]),
                "env": .strings(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]),
                "cwd": .string("/"),
                "capabilities": .members([
                    "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
                ]),
                "rlimits": .array([
                    .members([
                        "type": .string("RLIMIT_NOFILE"), "hard": .integer(1024), "soft": .integer(1024),
                    ])
                ]),
                "noNewPrivileges": .bool(true),
            ]),
            "root": .members(["path": .string("rootfs"), "readonly": .bool(true)]),
            "hostname": .string("skiff"), "mounts": .array(mounts), "linux": linux,
        ])
    }

    private var mounts: [JSONText] {
        func mount(_ destination: String, _ type: String, _ source: String, _ options: String) -> JSONText {
            .members([
                "destination": .string(destination), "type": .string(type), "source": .string(source),
                "options": options.isEmpty ? nil : .strings(options.split(separator: ",").map(String.init)),
            ])
        }
        return [
            mount("/proc", "proc", "proc", ""),
            mount("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
            mount(
                "/dev/pts", "devpts", "devpts",
                "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620" + (isRootless ? "" : ",gid=5")),
            mount("/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"),
            mount("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
            // A user's namespaces have no network of their own, and mount no new sysfs then.
            isRootless
                ? mount("/sys", "none", "/sys", "rbind,nosuid,noexec,nodev,ro")
                : mount("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro"),
        ]
    }

    private var linux: JSONText {
        func map(_ id: UInt32) -> JSONText {
            .array([
                .members(["containerID": .integer(0), "hostID": .integer(Int64(id)), "size": .integer(1)])
            ])
        }
        let namespaces = ["pid", "ipc", "uts", "mount", "cgroup"] + [isRootless ? "user" : "network"]
        let devices = JSONText.members(["allow": .bool(false), "access": .string("rwm")])
        return .members([
            "uidMappings": isRootless ? map(realUID()) : nil, "gidMappings": isRootless ? map(realGID()) : nil,
            "resources": isRootless ? nil : .members(["devices": .array([devices])]),
            "namespaces": .array(namespaces.map { .members(["type": .string($0)]) }),
            "maskedPaths": .strings([
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ]),
            "readonlyPaths": .strings(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]),
        ])
    }
}
