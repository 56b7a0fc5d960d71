package import Base
package import Core
package import Linux

/// The program of a bundle, or one that enters its container: `process` of config.json, and the file of `exec --process`.
package struct BundleProcess: Sendable {
    package var hasTerminal = false
    package var size: TerminalSize?
    package var user = ProgramUser(uid: 0, gid: 0, groups: [])
    package var umask: UInt32 = 0o22
    package var arguments: [String] = []
    package var environment: [String] = []
    package var directory = "/"
    package var capabilities = PlannedBundle.CapabilitySets()
    package var limits: [ProgramAttributes.Limit] = []
    package var noNewPrivileges = false
    package var outOfMemoryScore: Int?
    package var label: SecurityLabel?

    /// - Parameter file: for messages.
    package init(parsing bytes: [UInt8], file: String) throws(SkiffError) {
        try self.init(ConfigurationNode(parsing: bytes, file: file))
    }

    init(_ node: ConfigurationNode) throws(SkiffError) {
        let needsScheduler = "skiff leaves scheduling to who starts the runtime"
        try node.check(
            [
                "terminal", "consoleSize", "user", "args", "env", "cwd", "capabilities", "rlimits", "noNewPrivileges",
                "oomScoreAdj", "apparmorProfile", "selinuxLabel",
            ],
            refused: [
                "commandLine": "it is for Windows", "scheduler": needsScheduler, "ioPriority": needsScheduler,
                "execCPUAffinity": needsScheduler,
            ])
        hasTerminal = try node.member("terminal").flag()
        if let box = node.member("consoleSize") {
            try box.check(["height", "width"])
            size = TerminalSize(
                rows: UInt16(try box.needed("height").number(0...65535)),
                columns: UInt16(try box.needed("width").number(0...65535)))
        }
        if let user = node.member("user") { try read(user: user) }
        arguments = try node.needed("args").texts()
        guard !arguments.isEmpty else { throw try node.needed("args").refusal("there is no program") }
        for entry in try node.member("env").list() {
            let text = try entry.text()
            guard text.utf8.dropFirst().contains(UInt8(ascii: "=")) else {
                throw entry.refusal("'\(text)' is not NAME=VALUE")
            }
            environment.append(text)
        }
        directory = try node.needed("cwd").containerPath()
        if let sets = node.member("capabilities") { capabilities = try Self.sets(sets) }
        for limit in try node.member("rlimits").list() { limits.append(try Self.limit(limit)) }
        if let first = Self.twice(limits.map(\.resource)) {
            throw try node.needed("rlimits").refusal("\(first.text) stands twice")
        }
        noNewPrivileges = try node.member("noNewPrivileges").flag()
        if let score = node.member("oomScoreAdj") { outOfMemoryScore = Int(try score.number(-1000...1000)) }
        try readLabel(node)
    }

    private static func twice(_ names: [ResourceLimit.Name]) -> ResourceLimit.Name? {
        var seen: Set<ResourceLimit.Name> = []
        return names.first { !seen.insert($0).inserted }
    }

    private mutating func read(user node: ConfigurationNode) throws(SkiffError) {
        try node.check(
            ["uid", "gid", "umask", "additionalGids"], refused: ["username": "it is for Windows"])
        let groups = try node.member("additionalGids").list().map { (entry) throws(SkiffError) in try entry.id() }
        user = ProgramUser(
            uid: try node.needed("uid").id(), gid: try node.needed("gid").id(), groups: groups)
        if let mask = node.member("umask") { umask = UInt32(try mask.number(0...0o777)) }
    }

    private static func sets(_ node: ConfigurationNode) throws(SkiffError) -> PlannedBundle.CapabilitySets {
        try node.check(["bounding", "effective", "permitted", "inheritable", "ambient"])
        func set(_ name: String) throws(SkiffError) -> UInt64 {
            var bits: UInt64 = 0
            for entry in try node.member(name).list() {
                let text = try entry.text()
                guard text.hasPrefix("CAP_"), let number = Capability.number(of: text) else {
                    throw entry.refusal("'\(text)' is no capability that skiff knows")
                }
                bits |= 1 << UInt64(number)
            }
            return bits
        }
        var sets = PlannedBundle.CapabilitySets()
        sets.bounding = try set("bounding")
        sets.effective = try set("effective")
        sets.permitted = try set("permitted")
        sets.inheritable = try set("inheritable")
        sets.ambient = try set("ambient")
        if sets.effective & ~sets.permitted != 0 { throw node.refusal("what is effective must be permitted") }
        // The kernel has no others, and `runc spec` writes some.
        sets.ambient &= sets.permitted & sets.inheritable
        return sets
    }

    private static func limit(_ node: ConfigurationNode) throws(SkiffError) -> ProgramAttributes.Limit {
        try node.check(["type", "soft", "hard"])
        let type = try node.needed("type")
        guard let name = ResourceLimit.Name(try type.text()) else {
            throw type.refusal("'\(try type.text())' is no limit of getrlimit(2)")
        }
        let (soft, hard) = (try node.needed("soft").unsigned(), try node.needed("hard").unsigned())
        guard soft <= hard else { throw node.refusal("soft is above hard") }
        return ProgramAttributes.Limit(
            resource: name, value: ResourceLimit(soft: soft, hard: hard),
            cause: .init(reason: node.place, origin: "core"))
    }

    private mutating func readLabel(_ node: ConfigurationNode) throws(SkiffError) {
        for (name, make) in [
            ("apparmorProfile", SecurityLabel.appArmor), ("selinuxLabel", SecurityLabel.seLinux),
        ] {
            guard let entry = node.member(name) else { continue }
            let text = try entry.text()
            if text.isEmpty { continue }
            if label != nil { throw entry.refusal("a program has one label") }
            label = make(text)
        }
    }
}

extension ConfigurationNode {
    /// A number of 64 bits without sign.
    func unsigned() throws(SkiffError) -> UInt64 {
        if case .unsigned(let value) = json { return value }
        return UInt64(try number(0...Int64.max))
    }
}
