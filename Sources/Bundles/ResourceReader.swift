import Base
import Core
import Linux

/// `linux.resources` of config.json as limits of core. What is 0 is not limited, as for all runtimes.
struct ResourceReader {
    private let node: ConfigurationNode

    init(_ node: ConfigurationNode) { self.node = node }

    private static let most = Int64.max

    func limits() throws(SkiffError) -> [CgroupLimit] {
        try node.check([
            "devices", "memory", "cpu", "pids", "hugepageLimits", "blockIO", "network", "rdma", "unified",
        ])
        var limits: [CgroupLimit] = []
        if let memory = node.member("memory") { limits += try self.memory(memory) }
        if let processor = node.member("cpu") { limits += try self.processor(processor) }
        if let pids = node.member("pids") {
            try pids.check(["limit"])
            limits += try number(pids, "limit", .processes, -1...Self.most)
        }
        for entry in try node.member("hugepageLimits").list() {
            try entry.check(["pageSize", "limit"])
            let limit = try entry.needed("limit").number(0...Self.most)
            limits.append(CgroupLimit(.hugePages, try word(entry, "pageSize"), limit, cause(entry)))
        }
        if let blocks = node.member("blockIO") { limits += try self.blocks(blocks) }
        if let network = node.member("network") { limits += try self.network(network) }
        for (name, entry) in try node.member("rdma")?.members() ?? [] {
            try entry.check(["hcaHandles", "hcaObjects"])
            for (key, limit) in [("hcaHandles", CgroupLimit.Name.rdmaHandles), ("hcaObjects", .rdmaObjects)] {
                guard let value = try entry.member(key)?.number(0...Int64(UInt32.max)) else { continue }
                limits.append(CgroupLimit(limit, try Self.subject(name, entry), value, cause(entry)))
            }
        }
        for (name, entry) in try node.member("unified")?.members() ?? [] { limits.append(try file(name, entry)) }
        for entry in try node.member("devices").list() { limits.append(try device(entry)) }
        return limits
    }

    private func cause(_ node: ConfigurationNode) -> ProgramAttributes.Cause {
        .init(reason: node.place, origin: "core")
    }

    /// Reads a number where it is there and not 0.
    private func number(
        _ table: ConfigurationNode, _ key: String, _ name: CgroupLimit.Name, _ range: ClosedRange<Int64>
    ) throws(SkiffError) -> [CgroupLimit] {
        guard let entry = table.member(key) else { return [] }
        // A number without sign in the specification: the highest is no limit.
        if case .unsigned = entry.json { return [CgroupLimit(name, "", -1, cause(entry))] }
        let value = try entry.number(min(range.lowerBound, 0)...range.upperBound)
        if value == 0 { return [] }
        guard range.contains(value) else { throw entry.refusal("\(value) is out of range") }
        return [CgroupLimit(name, "", value, cause(entry))]
    }

    private func memory(_ table: ConfigurationNode) throws(SkiffError) -> [CgroupLimit] {
        try table.check(
            [
                "limit", "reservation", "swap", "kernel", "kernelTCP", "swappiness", "disableOOMKiller",
                "useHierarchy",
            ], refused: ["checkBeforeUpdate": "there is nothing to compare with when a container is made"])
        var limits: [CgroupLimit] = []
        for (key, name) in [
            ("limit", CgroupLimit.Name.memory), ("reservation", .reservation), ("swap", .swap),
            ("kernel", .kernelMemory), ("kernelTCP", .kernelTCP),
        ] { limits += try number(table, key, name, -1...Self.most) }
        // The kernel's own is meant by the highest number; it may be 0.
        if let entry = table.member("swappiness") {
            if case .unsigned = entry.json { return limits }
            limits.append(CgroupLimit(.swappiness, "", try entry.number(0...100), cause(entry)))
        }
        if let entry = table.member("disableOOMKiller"), try entry.bool() {
            limits.append(CgroupLimit(.withoutKiller, "", 1, cause(entry)))
        }
        if let entry = table.member("useHierarchy"), try !entry.bool() {
            throw entry.refusal("the kernel has no other way any more")
        }
        return limits
    }

    private func processor(_ table: ConfigurationNode) throws(SkiffError) -> [CgroupLimit] {
        try table.check(
            ["shares", "quota", "period", "realtimeRuntime", "realtimePeriod", "cpus", "mems"],
            refused: ["burst": "skiff sets no bursts", "idle": "skiff does not make cgroups idle"])
        var limits: [CgroupLimit] = []
        for (key, name, range) in [
            ("shares", CgroupLimit.Name.shares, 2...262_144), ("quota", .quota, -1...Self.most),
            ("period", .period, 1...1_000_000), ("realtimeRuntime", .realtimeRuntime, -1...Self.most),
            ("realtimePeriod", .realtimePeriod, 1...Self.most),
        ] { limits += try number(table, key, name, range) }
        for (key, name) in [("cpus", CgroupLimit.Name.cpus), ("mems", .mems)] {
            guard let entry = table.member(key) else { continue }
            let text = try entry.text()
            if text.isEmpty { continue }
            guard CgroupLimit.isNumberSet(text) else { throw entry.refusal("'\(text)' is no list such as 0-2,4") }
            limits.append(CgroupLimit(name, "", text, cause(entry)))
        }
        return limits
    }

    private func blocks(_ table: ConfigurationNode) throws(SkiffError) -> [CgroupLimit] {
        let rates: [(String, CgroupLimit.Name)] = [
            ("throttleReadBpsDevice", .readRate), ("throttleWriteBpsDevice", .writeRate),
            ("throttleReadIOPSDevice", .readOperations), ("throttleWriteIOPSDevice", .writeOperations),
        ]
        try table.check(["weight", "leafWeight", "weightDevice"] + rates.map(\.0))
        var limits = try number(table, "weight", .ioWeight, 10...1000)
        limits += try number(table, "leafWeight", .ioLeafWeight, 10...1000)
        for entry in try table.member("weightDevice").list() {
            try entry.check(["major", "minor", "weight", "leafWeight"])
            for (key, name) in [("weight", CgroupLimit.Name.deviceWeight), ("leafWeight", .deviceLeafWeight)] {
                guard let value = try entry.member(key)?.number(10...1000) else { continue }
                limits.append(CgroupLimit(name, try device(of: entry), value, cause(entry)))
            }
        }
        for (key, name) in rates {
            for entry in try table.member(key).list() {
                try entry.check(["major", "minor", "rate"])
                let rate = try entry.needed("rate").number(1...Self.most)
                limits.append(CgroupLimit(name, try device(of: entry), rate, cause(entry)))
            }
        }
        return limits
    }

    private static let numbers = 0...Int64(UInt32.max >> 12)

    private func device(of entry: ConfigurationNode) throws(SkiffError) -> String {
        let major = try entry.needed("major").number(Self.numbers)
        return "\(major):\(try entry.needed("minor").number(Self.numbers))"
    }

    private func network(_ table: ConfigurationNode) throws(SkiffError) -> [CgroupLimit] {
        try table.check(["classID", "priorities"])
        var limits = try number(table, "classID", .networkClass, 1...Int64(UInt32.max))
        for entry in try table.member("priorities").list() {
            try entry.check(["name", "priority"])
            let value = try entry.needed("priority").number(0...Int64(UInt32.max))
            limits.append(CgroupLimit(.networkPriority, try word(entry, "name"), value, cause(entry)))
        }
        return limits
    }

    private func file(_ name: String, _ entry: ConfigurationNode) throws(SkiffError) -> CgroupLimit {
        let controllers = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "misc"]
        let isFile = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == 0x2E || byte == 0x5F || byte == 0x2D
        }
        guard isFile, controllers.contains(where: { name.hasPrefix($0 + ".") }) else {
            throw entry.refusal("it is no file of a controller, such as memory.high")
        }
        let value = try entry.text()
        guard !value.isEmpty, !value.contains(where: \.isNewline) else { throw entry.refusal("it must be one line") }
        return CgroupLimit(.file, name, value, cause(entry))
    }

    private func device(_ entry: ConfigurationNode) throws(SkiffError) -> CgroupLimit {
        try entry.check(["allow", "type", "major", "minor", "access"])
        let type = try entry.member("type")?.text() ?? "a"
        guard let kind = DeviceRule.Kind(rawValue: type.isEmpty ? "a" : type) else {
            throw entry.refusal("type '\(type)' is not a, b or c")
        }
        let word = try entry.member("access")?.text() ?? "rwm"
        guard let access = DeviceRule.Access(word.isEmpty ? "rwm" : word) else {
            throw entry.refusal("access '\(word)' is not some of r, w and m")
        }
        func number(_ key: String) throws(SkiffError) -> UInt32? {
            guard let value = try entry.member(key)?.number(-1...Self.numbers.upperBound) else { return nil }
            return kind == .all || value < 0 ? nil : UInt32(value)
        }
        return DeviceRule(
            allows: try entry.needed("allow").bool(), kind: kind, major: try number("major"),
            minor: try number("minor"), access: access
        ).limit(cause(entry))
    }

    private func word(_ entry: ConfigurationNode, _ key: String) throws(SkiffError) -> String {
        try Self.subject(try entry.needed(key).text(), try entry.needed(key))
    }

    /// What stands before a value in a file of the kernel.
    private static func subject(_ text: String, _ entry: ConfigurationNode) throws(SkiffError) -> String {
        let isWord = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
        guard isWord else { throw entry.refusal("'\(text)' is no name") }
        return text
    }
}
