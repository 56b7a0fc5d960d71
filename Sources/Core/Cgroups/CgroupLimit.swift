import Linux

/// One limit of what a container may use, as a plain value: the plan's table of them is all that makes a cgroup. Names are
/// those of the runtime specification of OCI, "Control groups", and of cgroups.toml.
package struct CgroupLimit: Sendable, Equatable {
    package enum Name: String, Sendable, CaseIterable {
        case shares = "cpu.shares", quota = "cpu.quota", period = "cpu.period"
        case realtimeRuntime = "cpu.realtimeRuntime", realtimePeriod = "cpu.realtimePeriod"
        case cpus = "cpu.cpus", mems = "cpu.mems"
        case memory = "memory.limit", reservation = "memory.reservation", swap = "memory.swap"
        case kernelMemory = "memory.kernel", kernelTCP = "memory.kernelTCP", swappiness = "memory.swappiness"
        case withoutKiller = "memory.disableOOMKiller"
        /// Where the kernel slows a container down; no name of OCI.
        case memoryHigh = "memory.high"
        case processes = "pids.limit"
        case ioWeight = "blockIO.weight", ioLeafWeight = "blockIO.leafWeight"
        case deviceWeight = "blockIO.weightDevice.weight", deviceLeafWeight = "blockIO.weightDevice.leafWeight"
        case readRate = "blockIO.throttleReadBpsDevice", writeRate = "blockIO.throttleWriteBpsDevice"
        case readOperations = "blockIO.throttleReadIOPSDevice", writeOperations = "blockIO.throttleWriteIOPSDevice"
        case hugePages = "hugepageLimits"
        case networkClass = "network.classID", networkPriority = "network.priorities"
        case rdmaHandles = "rdma.hcaHandles", rdmaObjects = "rdma.hcaObjects"
        /// A file of version 2, as it is.
        case file = "unified"
        /// A rule about devices, `allow` or `deny`; of several the last one that fits counts.
        case device = "devices"
    }

    package var name: Name
    /// What it is about, where there can be several: a device as `8:0`, a page size, an interface, a file, `c 1:3`.
    package var subject: String
    package var value: String
    package var cause: ProgramAttributes.Cause

    package init(_ name: Name, _ subject: String, _ value: String, _ cause: ProgramAttributes.Cause) {
        (self.name, self.subject, self.value, self.cause) = (name, subject, value, cause)
    }

    package init(_ name: Name, _ subject: String, _ number: Int64, _ cause: ProgramAttributes.Cause) {
        self.init(name, subject, String(number), cause)
    }

    /// A limit of the user.
    /// - Parameter flag: with its value.
    package init(_ name: Name, _ number: Int64, of subject: String = "", by flag: String) {
        self.init(name, subject, number, .init(reason: flag, origin: "core"))
    }

    package var number: Int64? { Int64(value) }

    /// `memory.limit`, `blockIO.weightDevice.weight of 8:0`.
    var title: String { subject.isEmpty ? name.rawValue : "\(name.rawValue) of \(subject)" }

    package var text: String { "\(title) = \(value) (\(cause.origin == "core" ? cause.reason : cause.text))" }
}

extension [CgroupLimit] {
    package func first(_ name: CgroupLimit.Name, _ subject: String = "") -> CgroupLimit? {
        first { $0.name == name && $0.subject == subject }
    }

    package func number(_ name: CgroupLimit.Name) -> Int64? { first(name)?.number }

    /// Adds a limit that can only take away: of two for one thing the lower one counts.
    package mutating func narrow(_ limit: CgroupLimit) {
        guard let index = firstIndex(where: { $0.name == limit.name && $0.subject == limit.subject }) else {
            append(limit)
            return
        }
        // No limit, as -1 says, is more than any.
        let (known, new) = (self[index].number ?? -1, limit.number ?? -1)
        if new >= 0, known < 0 || new < known { self[index] = limit }
    }

    // MARK: - as bytes

    private static var version: String { "skiff-limits/1" }

    /// For the way from skiff-image to skiff, and for state files.
    package var encoded: [UInt8] {
        var writer = FieldWriter(version: Self.version)
        write(to: &writer)
        return writer.bytes
    }

    /// - Returns: nil for bytes that `encoded` does not make.
    package init?(encoded bytes: [UInt8]) {
        guard let reader = FieldReader(bytes, version: Self.version) else { return nil }
        self.init(reader)
    }

    func write(to writer: inout FieldWriter) {
        for limit in self {
            writer.put("cgroup-limit", limit.name.rawValue)
            writer.put("subject", limit.subject)
            writer.put("value", limit.value)
            writer.put("reason", limit.cause.reason)
            writer.put("origin", limit.cause.origin)
        }
    }

    init?(_ reader: FieldReader) {
        self.init()
        let fields = reader.fields
        for (index, field) in fields.enumerated() where field.key == "cgroup-limit" {
            let rest = fields[(index + 1)...].prefix(4)
            guard let name = CgroupLimit.Name(rawValue: field.value),
                rest.map(\.key) == ["subject", "value", "reason", "origin"]
            else { return nil }
            let values = rest.map(\.value)
            append(CgroupLimit(name, values[0], values[1], .init(reason: values[2], origin: values[3])))
        }
    }
}
