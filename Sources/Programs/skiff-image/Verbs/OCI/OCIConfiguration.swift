import Base

/// The config.json of a bundle that `oci mount` makes, by version 1.0 of the runtime specification. The powers and the
/// mounts are those that container engines give by default; nothing can be inherited, see CVE-2022-24769.
struct OCIConfiguration {
    let root: String
    let program: String

    private static let capabilities = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
        "CAP_AUDIT_WRITE",
    ]

    var json: JSONText {
        .members([
            "ociVersion": .string("1.0.2"), "process": process, "root": .members(["path": .string(root)]),
            "hostname": .string("skiff"), "mounts": mounts, "linux": linux,
        ])
    }

    private var process: JSONText {
        let held = JSONText.strings(Self.capabilities)
        return .members([
            "terminal": .bool(true),
            "user": .members(["uid": .integer(0), "gid": .integer(0)]),
            "args": .strings([program]),
            "env": .strings(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]),
            "cwd": .string("/"),
            "capabilities": .members(["bounding": held, "effective": held, "permitted": held]),
            "rlimits": .array([
                .members(["type": .string("RLIMIT_NOFILE"), "hard": .integer(1024), "soft": .integer(1024)])
            ]),
            "noNewPrivileges": .bool(true),
        ])
    }

    private var mounts: JSONText {
        func mount(_ place: String, _ type: String, _ source: String, _ options: String) -> JSONText {
            .members([
                "destination": .string(place), "type": .string(type), "source": .string(source),
                "options": .strings(options.split(separator: ",").map(String.init)),
            ])
        }
        return .array([
            mount("/proc", "proc", "proc", "nosuid,noexec,nodev"),
            mount("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
            mount("/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
            mount("/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"),
            mount("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
            mount("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"),
        ])
    }

    private var linux: JSONText {
        .members([
            "resources": .members([
                "devices": .array([.members(["allow": .bool(false), "access": .string("rwm")])])
            ]),
            "namespaces": .array(
                ["pid", "network", "ipc", "uts", "mount"].map { .members(["type": .string($0)]) }),
            "maskedPaths": .strings([
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
            ]),
            "readonlyPaths": .strings([
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
            ]),
        ])
    }
}
