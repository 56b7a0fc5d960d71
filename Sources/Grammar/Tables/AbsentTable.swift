/// A flag of Apptainer, or of a plugin that we know, that is not here. Kept only so that using it is answered with the
/// reason and is never taken for something else.
struct AbsentFlag: Sendable {
    var long: String
    var oldSpelling = ""
    var short: UInt8 = 0
    /// As in `Flag`.
    var environment: String
    /// The plugin that would provide it; empty when this version has no such thing.
    var plugin: String

    /// - Parameter line: `name[|old][,s] [VARIABLE...]`.
    init(_ line: Substring, plugin: String) {
        let words = line.split(separator: " ", maxSplits: 1)
        let names = (words.first ?? "").split(separator: ",")
        let spellings = (names.first ?? "").split(separator: "|")
        long = String(spellings.first ?? "")
        if spellings.count > 1 { oldSpelling = String(spellings[1]) }
        if names.count > 1 { short = names[1].utf8.first ?? 0 }
        environment = words.count > 1 ? String(words[1]) : ""
        self.plugin = plugin
    }

    func isSet(by key: String) -> Bool { environment.split(separator: " ").contains { $0 == key } }

    func matches(_ name: FlagParser.FlagName) -> Bool {
        switch name {
        case .long(let text): text == long || (!oldSpelling.isEmpty && text == oldSpelling)
        case .short(let letter): letter == short
        }
    }
}

extension Table {
    /// Commands of Apptainer that this version does not have.
    static var absentCommands: [String] {
        [
            "capability", "caps", "checkpoint", "config", "instance", "key", "keys", "oci",
            "overlay", "sign", "siftool", "verify",
            "completion powershell",
        ]
    }

    /// Flags of a command that are known and not here. Plugins' come first: their reason helps more.
    ///
    /// - Parameter text: only flags with this in their line; looking for it is cheaper than reading the lines.
    static func absentFlags(_ path: String, with text: String) -> [AbsentFlag] {
        var result: [AbsentFlag] = []
        for (plugin, commands, lines) in stockPluginFlags where commands.contains(path) && has(lines, text) {
            result += parse(lines, plugin: plugin)
        }
        let others =
            switch path {
            case "exec", "shell", "test": actionFlags
            case "run": actionFlags + "\nrunscript-timeout RUNSCRIPT_TIMEOUT"
            case "build": buildFlags
            default: ""
            }
        if has(others, text) { result += parse(others, plugin: "") }
        return result
    }

    private static func parse(_ lines: String, plugin: String) -> [AbsentFlag] {
        lines.split(separator: "\n").map { AbsentFlag($0, plugin: plugin) }
    }

    private static func has(_ lines: String, _ text: String) -> Bool {
        let (bytes, wanted) = (Array(lines.utf8), Array(text.utf8))
        guard let first = wanted.first else { return true }
        return bytes.indices.contains { bytes[$0] == first && bytes[$0...].starts(with: wanted) }
    }

    /// Flags of the plugins that come with skiff, for the case that a manifest was removed and cannot tell.
    private static var stockPluginFlags: [(plugin: String, commands: [String], lines: String)] {
        let actions = ["exec", "run", "shell", "test"]
        return [
            ("org.skiff.overlay", actions, "overlay,o OVERLAY OVERLAYIMAGE"),
            ("org.skiff.overlay", actions + ["build"], "writable-tmpfs WRITABLE_TMPFS"),
            ("org.skiff.nvidia-gpu", actions, "no-nv NV_OFF NO_NV"),
            ("org.skiff.nvidia-gpu", actions + ["build"], "nv NV\ncompat32 COMPAT32"),
            ("org.skiff.hello", actions, "hello HELLO"),
        ]
    }

    private static var actionFlags: String {
        """
        apply-cgroups APPLY_CGROUPS
        blkio-weight BLKIO_WEIGHT
        blkio-weight-device BLKIO_WEIGHT_DEVICE
        cdi-dirs
        cpu-shares CPU_SHARES
        cpus CPUS
        cpuset-cpus CPUSET_CPUS
        cpuset-mems CPUSET_MEMS
        device
        fusemount FUSESPEC
        intel-hpu INTEL_HPU
        memory MEMORY
        memory-reservation MEMORY_RESERVATION
        memory-swap MEMORY_SWAP
        net,n NET UNSHARE_NET
        netns-path NETNS_PATH
        network NETWORK
        network-args NETWORK_ARGS
        no-rocm ROCM_OFF NO_ROCM
        nvccli NVCCLI
        oom-kill-disable OOM_KILL_DISABLE
        passphrase
        pem-path
        pids-limit PIDS_LIMIT
        rocm ROCM
        security SECURITY
        sharens SHARENS
        """
    }

    private static var buildFlags: String {
        """
        buildkit-host BUILDKIT_HOST
        encrypt,e
        nvccli NVCCLI
        passphrase
        pem-path
        remote
        rocm
        """
    }
}
