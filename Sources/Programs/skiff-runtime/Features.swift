import Base
import Bundles
import Core
import Grammar

/// What this runtime can do; the runtime specification of OCI, "Features Structure".
enum Features {
    static var json: JSONText {
        .members([
            "ociVersionMin": .string("1.0.0"), "ociVersionMax": .string("1.1.0"),
            "hooks": .strings(BundleConfiguration.HookKind.allCases.map(\.rawValue)),
            "mountOptions": .strings(MountOptions.known),
            "linux": .members([
                "namespaces": .strings(["cgroup", "ipc", "mount", "network", "pid", "user", "uts"]),
                "capabilities": .strings(Capability.allNames),
                "cgroup": .members([
                    "v1": .bool(true), "v2": .bool(true), "systemd": .bool(true), "systemdUser": .bool(true),
                    "rdma": .bool(true),
                ]),
                "seccomp": .members(["enabled": .bool(true), "actions": .strings(actions)]),
                "apparmor": .members(["enabled": .bool(true)]), "selinux": .members(["enabled": .bool(true)]),
                "mountExtensions": .members(["idmap": .members(["enabled": .bool(false)])]),
            ]),
            "annotations": .members(["org.skiff.version": .string(Version.number)]),
        ])
    }

    private static let actions = [
        "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
        "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
    ]
}
