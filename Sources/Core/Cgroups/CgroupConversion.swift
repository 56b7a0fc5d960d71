import Base
import Linux

/// Limits as contents of files, for the version that each controller has on this host.
struct CgroupConversion {
    private let limits: [CgroupLimit]
    private let host: CgroupHost

    init(_ limits: [CgroupLimit], on host: CgroupHost) { (self.limits, self.host) = (limits, host) }

    /// In the order in which they are written: the kernel compares some of them with others.
    /// - Throws: for a limit that this host cannot have.
    func settings() throws(SkiffError) -> [CgroupSetting] {
        var settings: [CgroupSetting] = []
        for name in Self.order {
            for limit in limits where limit.name == name {
                if let setting = try setting(limit) { settings.append(setting) }
            }
        }
        return settings
    }

    private static var order: [CgroupLimit.Name] {
        let late: [CgroupLimit.Name] = [.quota, .realtimeRuntime, .swap]
        return CgroupLimit.Name.allCases.filter { !late.contains($0) && $0 != .device } + late
    }

    /// The controller of a limit, in version 2's name.
    static func controller(of limit: CgroupLimit) -> String {
        switch limit.name {
        case .shares, .quota, .period, .realtimeRuntime, .realtimePeriod: "cpu"
        case .cpus, .mems: "cpuset"
        case .memory, .reservation, .swap, .kernelMemory, .kernelTCP, .swappiness, .withoutKiller, .memoryHigh: "memory"
        case .processes: "pids"
        case .ioWeight, .ioLeafWeight, .deviceWeight, .deviceLeafWeight, .readRate, .writeRate, .readOperations,
            .writeOperations:
            "io"
        case .hugePages: "hugetlb"
        case .networkClass: "net_cls"
        case .networkPriority: "net_prio"
        case .rdmaHandles, .rdmaObjects: "rdma"
        case .device: "devices"
        case .file: String(limit.subject.prefix { $0 != "." })
        }
    }

    /// - Returns: nil where nothing is to be written.
    private func setting(_ limit: CgroupLimit) throws(SkiffError) -> CgroupSetting? {
        // That the killer stays is how it is.
        if limit.name == .withoutKiller && limit.number == 0 { return nil }
        let controller = Self.controller(of: limit)
        guard let place = host.place(of: controller) else {
            let reason =
                ["net_cls", "net_prio"].contains(controller) && host.places.allSatisfy { $0.version == .two }
                ? "cgroups of version 2 have no such controller" : "there is no cgroup controller '\(controller)' here"
            throw CgroupAdvice.refusal(limit, reason, hint: CgroupAdvice.controller(controller, host))
        }
        let contents = try place.version == .one ? versionOne(limit) : versionTwo(limit)
        return contents.isEmpty ? nil : CgroupSetting(controller: controller, contents: contents, limit: limit)
    }

    private typealias Content = CgroupSetting.Content

    private func content(_ file: String, _ value: String, _ answer: CgroupSetting.Answer) -> [Content] {
        [Content(file: file, value: value, answer: answer)]
    }

    // MARK: - version 1

    private func versionOne(_ limit: CgroupLimit) throws(SkiffError) -> [Content] {
        let (number, value) = (limit.number ?? 0, limit.value)
        func plain(_ file: String) -> [Content] { content(file, value, .number(number < 0 ? nil : number)) }
        func line(_ file: String) -> [Content] {
            content(file, "\(limit.subject) \(value)", .line([limit.subject, value]))
        }
        switch limit.name {
        case .shares: return plain("cpu.shares")
        case .quota: return plain("cpu.cfs_quota_us")
        case .period: return plain("cpu.cfs_period_us")
        case .realtimeRuntime: return plain("cpu.rt_runtime_us")
        case .realtimePeriod: return plain("cpu.rt_period_us")
        case .cpus: return content("cpuset.cpus", value, .numbers(value))
        case .mems: return content("cpuset.mems", value, .numbers(value))
        case .memory: return plain("memory.limit_in_bytes")
        case .reservation: return plain("memory.soft_limit_in_bytes")
        case .swap:
            try checkSwap(limit)
            return plain("memory.memsw.limit_in_bytes")
        case .kernelMemory: return plain("memory.kmem.limit_in_bytes")
        case .kernelTCP: return plain("memory.kmem.tcp.limit_in_bytes")
        case .swappiness: return plain("memory.swappiness")
        case .withoutKiller: return content("memory.oom_control", "1", .line(["oom_kill_disable", "1"]))
        case .processes: return content("pids.max", number < 0 ? "max" : value, .number(number < 0 ? nil : number))
        case .ioWeight: return plain("blkio.weight") + plain("blkio.bfq.weight")
        case .ioLeafWeight: return plain("blkio.leaf_weight")
        case .deviceWeight: return line("blkio.weight_device") + line("blkio.bfq.weight_device")
        case .deviceLeafWeight: return line("blkio.leaf_weight_device")
        case .readRate: return line("blkio.throttle.read_bps_device")
        case .writeRate: return line("blkio.throttle.write_bps_device")
        case .readOperations: return line("blkio.throttle.read_iops_device")
        case .writeOperations: return line("blkio.throttle.write_iops_device")
        case .hugePages: return plain("hugetlb.\(limit.subject).limit_in_bytes")
        case .networkClass: return plain("net_cls.classid")
        case .networkPriority: return line("net_prio.ifpriomap")
        case .rdmaHandles, .rdmaObjects: return rdma(limit)
        case .memoryHigh, .file:
            throw CgroupAdvice.refusal(
                limit, "cgroups of version 1 have no such file",
                hint: "Boot with systemd.unified_cgroup_hierarchy=1 for cgroups of version 2")
        case .device: return []
        }
    }

    /// The kernel's own refusal does not tell why.
    private func checkSwap(_ swap: CgroupLimit) throws(SkiffError) {
        guard let most = swap.number, most >= 0 else { return }
        let memory = limits.number(.memory) ?? -1
        guard memory >= 0, memory <= most else {
            throw CgroupAdvice.refusal(
                swap, memory < 0 ? "memory without swap has no limit" : "it is below the limit of memory without swap",
                hint: "Swap counts memory and swap together: give --memory, and at most as much")
        }
    }

    private func rdma(_ limit: CgroupLimit) -> [Content] {
        let word = (limit.name == .rdmaHandles ? "hca_handle=" : "hca_object=") + limit.value
        return content("rdma.max", "\(limit.subject) \(word)", .line([limit.subject, word]))
    }

    // MARK: - version 2

    private func versionTwo(_ limit: CgroupLimit) throws(SkiffError) -> [Content] {
        let number = limit.number ?? 0
        func most(_ file: String, _ number: Int64) -> [Content] {
            content(file, number < 0 ? "max" : String(number), .number(number < 0 ? nil : number))
        }
        func device(_ key: String) -> [Content] {
            content("io.max", "\(limit.subject) \(key)=\(number)", .line([limit.subject, "\(key)=\(number)"]))
        }
        switch limit.name {
        case .shares:
            // As the kernel's own scale: 2 to 262144 becomes 1 to 10000.
            let weight = 1 + (max(2, min(number, 262_144)) - 2) * 9999 / 262_142
            return content("cpu.weight", String(weight), .number(weight))
        case .quota: return bandwidth(limits.number(.period) ?? 100_000, number)
        // Written with the quota; alone it has no effect there either.
        case .period: return limits.first(.quota) == nil ? bandwidth(number, -1) : []
        case .cpus: return content("cpuset.cpus", limit.value, .numbers(limit.value))
        case .mems: return content("cpuset.mems", limit.value, .numbers(limit.value))
        case .memory: return most("memory.max", number)
        case .reservation: return most("memory.low", number)
        case .memoryHigh: return most("memory.high", number)
        case .swap:
            try checkSwap(limit)
            return most("memory.swap.max", number < 0 ? -1 : number - (limits.number(.memory) ?? 0))
        case .processes: return most("pids.max", number)
        case .ioWeight, .deviceWeight: return weight(limit)
        case .readRate: return device("rbps")
        case .writeRate: return device("wbps")
        case .readOperations: return device("riops")
        case .writeOperations: return device("wiops")
        case .hugePages: return most("hugetlb.\(limit.subject).max", number)
        case .rdmaHandles, .rdmaObjects: return rdma(limit)
        case .file:
            if let number = limit.number {
                return content(limit.subject, limit.value, .number(number < 0 ? nil : number))
            }
            return content(limit.subject, limit.value, limit.value == "max" ? .number(nil) : .words(limit.value))
        case .device: return []
        case .realtimeRuntime, .realtimePeriod, .kernelMemory, .kernelTCP, .swappiness, .withoutKiller, .ioLeafWeight,
            .deviceLeafWeight, .networkClass, .networkPriority:
            throw CgroupAdvice.refusal(limit, "cgroups of version 2 have nothing like it", hint: "Leave it out")
        }
    }

    private func bandwidth(_ period: Int64, _ quota: Int64) -> [Content] {
        let text = (quota < 0 ? "max" : String(quota)) + " \(period)"
        return content("cpu.max", text, .words(text))
    }

    /// 10 to 1000 of version 1 stays so for the scheduler BFQ, and is 1 to 10000 for the cost model.
    private func weight(_ limit: CgroupLimit) -> [Content] {
        let number = max(10, min(limit.number ?? 10, 1000))
        let subject = limit.subject.isEmpty ? "default" : limit.subject
        func line(_ file: String, _ value: Int64) -> [Content] {
            content(file, "\(subject) \(value)", .line([subject, String(value)]))
        }
        return line("io.bfq.weight", number) + line("io.weight", 1 + (number - 10) * 9999 / 990)
    }
}
