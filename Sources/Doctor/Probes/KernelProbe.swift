import Linux

/// The kernel's release, and what it lacks.
package enum KernelProbe {
    private static let oldest = (5, 4)
    private static let features: [(since: (Int, Int), lack: String)] = [
        ((5, 6), "paths of images are walked name by name, which takes longer"),
        ((5, 11), "users mount no overlays: missing mount targets come by an underlay, and --overlay is for root"),
        ((5, 12), "mounts are restricted by remounting each of them"),
        ((6, 6), "the emulation of root keeps no owners in memory file systems such as a /tmp of tmpfs"),
    ]

    static func findings() -> [Finding] {
        let bytes = (try? readFile("/proc/sys/kernel/osrelease", limit: 256)) ?? []
        return findings(release: String(bytes: bytes.prefix { $0 != 0x0A }))
    }

    package static func findings(release: String) -> [Finding] {
        let numbers = release.split { !"0123456789".contains($0) }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else {
            return [Finding("kernel", .warning, "the release of the kernel is not to be read: \(release)")]
        }
        let version = (numbers[0], numbers[1])
        if version < oldest {
            return [
                Finding(
                    "kernel", .fault, "Linux \(release) is older than 5.4", effect: "containers may not start",
                    cure: "a kernel of Linux 5.4 or later")
            ]
        }
        let lacking = features.filter { version < $0.since }
        if lacking.isEmpty { return [Finding("kernel", .fine, "Linux \(release)")] }
        return lacking.map {
            Finding(
                "kernel", .note, "Linux \(release) is older than \($0.since.0).\($0.since.1)", effect: $0.lack,
                cure: "a kernel of Linux \($0.since.0).\($0.since.1) or later")
        }
    }
}
