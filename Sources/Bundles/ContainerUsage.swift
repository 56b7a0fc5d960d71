package import Base

/// What a container uses, as the files of its cgroups tell; cgroups(7).
package struct ContainerUsage: Sendable {
    private let text: @Sendable (String) -> String?

    /// - Parameter text: returns the content of a file, nil where there is none.
    package init(_ text: @escaping @Sendable (_ file: String) -> String?) { self.text = text }

    /// As `runc events --stats` writes it; what the kernel does not tell is left out.
    package var json: JSONText {
        .members([
            "cpu": processor, "memory": memory,
            "pids": .members([
                "current": number("pids.current"), "limit": number("pids.max") ?? .integer(0),
            ]),
            "blkio": .members(["ioServiceBytesRecursive": .array(blocks)]),
            "hugetlb": .members([:]), "network_interfaces": .null,
        ])
    }

    /// How many processes the kernel has killed for want of memory.
    package var killed: UInt64 {
        field("oom_kill", of: "memory.events") ?? field("oom_kill", of: "memory.oom_control") ?? 0
    }

    private func integer(_ file: String) -> UInt64? {
        text(file).flatMap { UInt64($0.prefix { $0 != "\n" }) }
    }

    /// Nil for `max`, which no number is.
    private func number(_ file: String) -> JSONText? { integer(file).map(Self.json) }

    private static func json(_ number: UInt64) -> JSONText {
        Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
    }

    private func field(_ name: String, of file: String) -> UInt64? {
        for line in (text(file) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return UInt64(words[1]) }
        }
        return nil
    }

    /// In nanoseconds; version 2 counts microseconds.
    private func time(_ name: String) -> JSONText? { field(name, of: "cpu.stat").map { Self.json($0 &* 1000) } }

    private var processor: JSONText {
        .members([
            "usage": .members([
                "total": time("usage_usec") ?? number("cpuacct.usage"),
                "kernel": time("system_usec") ?? number("cpuacct.usage_sys"),
                "user": time("user_usec") ?? number("cpuacct.usage_user"),
            ]),
            "throttling": .members([
                "periods": field("nr_periods", of: "cpu.stat").map(Self.json),
                "throttledPeriods": field("nr_throttled", of: "cpu.stat").map(Self.json),
                "throttledTime": time("throttled_usec") ?? field("throttled_time", of: "cpu.stat").map(Self.json),
            ]),
        ])
    }

    private var memory: JSONText {
        let statistics = (text("memory.stat") ?? "").split(separator: "\n").compactMap { line -> JSONText.Member? in
            let words = line.split(separator: " ")
            guard words.count == 2, let value = UInt64(words[1]) else { return nil }
            return JSONText.Member(String(words[0]), Self.json(value))
        }
        return .members([
            "usage": .members([
                "usage": number("memory.current") ?? number("memory.usage_in_bytes"),
                "limit": number("memory.max") ?? number("memory.limit_in_bytes") ?? .unsigned(.max),
                "max": number("memory.peak") ?? number("memory.max_usage_in_bytes"),
                "failcnt": field("max", of: "memory.events").map(Self.json) ?? number("memory.failcnt"),
            ]),
            "swap": .members([
                "usage": number("memory.swap.current") ?? number("memory.memsw.usage_in_bytes"),
                "limit": number("memory.swap.max") ?? number("memory.memsw.limit_in_bytes") ?? .unsigned(.max),
            ]),
            "raw": .object(statistics),
        ])
    }

    private var blocks: [JSONText] {
        func entry(_ device: Substring, _ operation: String, _ value: UInt64) -> JSONText? {
            let parts = device.split(separator: ":").map { Int64($0) }
            guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return nil }
            return .members([
                "major": .integer(major), "minor": .integer(minor), "op": .string(operation), "value": Self.json(value),
            ])
        }
        var entries: [JSONText?] = []
        for line in (text("io.stat") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            for word in words.dropFirst() {
                let parts = word.split(separator: "=")
                guard parts.count == 2, let value = UInt64(parts[1]) else { continue }
                if parts[0] == "rbytes" { entries.append(entry(words[0], "Read", value)) }
                if parts[0] == "wbytes" { entries.append(entry(words[0], "Write", value)) }
            }
        }
        for line in (text("blkio.throttle.io_service_bytes") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let value = UInt64(words[2]), ["Read", "Write"].contains(words[1]) else { continue }
            entries.append(entry(words[0], String(words[1]), value))
        }
        return entries.compactMap { $0 }
    }
}
