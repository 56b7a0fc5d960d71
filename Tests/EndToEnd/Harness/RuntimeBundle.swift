import CLinux
import Foundation
import Linux
import TestSupport

/// A bundle of the small Linux for `skiff-runtime`, with a store of its own.
final class RuntimeBundle {
    let folder: String
    let profile: Profile
    let id = "c\(UInt32.random(in: .min ... .max))"
    var configuration: [String: Any]

    var root: String { folder + "/rootfs" }

    /// - Parameter words: the program.
    init(_ words: [String], as profile: Profile) throws {
        self.profile = profile
        folder = try WorkDirectory.make(for: profile)
        let copied = try Command(
            ["/bin/cp", "-a", try Images.shared.get().directory, folder + "/rootfs"], as: profile
        ).run()
        guard copied.isSuccess else { throw HarnessError("cannot make a bundle: \(copied)") }
        let all = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETUID", "CAP_SETGID"]
        var linux: [String: Any] = [
            "namespaces": ["mount", "pid", "ipc", "uts", "network"].map { ["type": $0] },
            "maskedPaths": ["/proc/keys", "/proc/timer_list", "/sys/firmware", "/nowhere"],
            "readonlyPaths": ["/proc/sys", "/proc/bus"],
        ]
        if profile == .user, let user = profile.record {
            linux["namespaces"] = ["mount", "pid", "ipc", "uts", "network", "user"].map { ["type": $0] }
            linux["uidMappings"] = [["containerID": 0, "hostID": Int(user.uid), "size": 1]]
            linux["gidMappings"] = [["containerID": 0, "hostID": Int(user.gid), "size": 1]]
        }
        func mount(_ place: String, _ type: String, _ options: [String] = []) -> [String: Any] {
            ["destination": place, "type": type, "source": type, "options": options]
        }
        configuration = [
            "ociVersion": "1.0.2", "root": ["path": "rootfs"], "hostname": "box",
            "process": [
                "args": words, "cwd": "/", "env": ["PATH=/bin", "A=b"], "noNewPrivileges": true,
                "user": ["uid": 0, "gid": 0],
                "capabilities": ["bounding": all, "effective": all, "permitted": all],
            ] as [String: Any],
            "mounts": [
                mount("/proc", "proc", ["nosuid", "noexec", "nodev"]),
                mount("/dev", "tmpfs", ["nosuid", "mode=755", "size=65536k"]),
                mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
                mount("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777"]),
                mount("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
                mount("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
            ],
            "linux": linux,
        ]
    }

    deinit { _ = try? run("delete", "--force", id) }

    /// Changes a member: `set("process", "user", ["uid": 5])`.
    func set(_ part: String, _ name: String, _ value: Any) {
        var members = configuration[part] as? [String: Any] ?? [:]
        members[name] = value
        configuration[part] = members
    }

    func add(mount: [String: Any]) {
        configuration["mounts"] = (configuration["mounts"] as? [[String: Any]] ?? []) + [mount]
    }

    /// Leaves the processes of the host to the container, and takes its /proc away.
    func removeProcessNamespace() {
        let linux = configuration["linux"] as? [String: Any] ?? [:]
        let namespaces = linux["namespaces"] as? [[String: String]] ?? []
        set("linux", "namespaces", namespaces.filter { $0["type"] != "pid" })
        set("linux", "maskedPaths", [String]())
        set("linux", "readonlyPaths", [String]())
        let mounts = configuration["mounts"] as? [[String: Any]] ?? []
        configuration["mounts"] = mounts.filter { $0["type"] as? String != "proc" }
    }

    func write() throws {
        let file = folder + "/config.json"
        try JSONSerialization.data(withJSONObject: configuration).write(to: URL(fileURLWithPath: file))
        try Linux.chmod(file, 0o644)
    }

    /// The command, with the bundle as its directory.
    func command(_ words: [String]) throws -> Command {
        let program = try Stage.shared.get().prefix + "/bin/skiff-runtime"
        var command = Command([program, "--root", folder + "/state"] + words, as: profile)
        command.directory = folder
        command.environment["APPTAINER_CACHEDIR"] = try Stage.shared.get().cache(for: profile)
        return command
    }

    func run(_ words: String...) throws -> Outcome { try command(words).run() }

    /// Writes the configuration and runs the container to its end.
    func runOnce(_ flags: String...) throws -> Outcome {
        try write()
        return try command(["run"] + flags + [id]).run()
    }

    func state() throws -> [String: Any]? {
        let outcome = try run("state", id)
        guard outcome.isSuccess else { return nil }
        return try JSONSerialization.jsonObject(with: Data(outcome.standardOutput.utf8)) as? [String: Any]
    }

    func status() throws -> String? { try state()?["status"] as? String }

    func waits(for wanted: String) throws -> Bool {
        for _ in 0..<200 {
            if try status() == wanted { return true }
            pause(milliseconds: 10)
        }
        return false
    }
}
