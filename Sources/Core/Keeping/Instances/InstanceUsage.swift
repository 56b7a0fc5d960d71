package import Base
import CLinux
import Linux

/// What an instance uses, as the files of its cgroup tell; cgroups(7).
package struct InstanceUsage: Sendable, Equatable {
    /// In nanoseconds.
    package var cpu: UInt64 = 0
    /// In bytes.
    package var memory: UInt64 = 0
    /// Nil for no limit below that of the machine.
    package var memoryLimit: UInt64?
    package var bytesRead: UInt64 = 0
    package var bytesWritten: UInt64 = 0
    package var processes: UInt64 = 0

    package init() {}

    /// - Returns: nil where the instance has no cgroup of its own: what others use would be counted with it.
    package static func of(_ instance: Instance) -> InstanceUsage? {
        guard let own = try? readFile("/proc/\(instance.first.pid)/cgroup", limit: 1 << 16),
            let others = try? readFile("/proc/\(instance.keeper.pid)/cgroup", limit: 1 << 16),
            let mounts = try? readFile("/proc/self/mountinfo", limit: 1 << 22)
        else { return nil }
        let groups = ControlGroups(own, apartFrom: others, mounts: mounts)
        guard !groups.isEmpty else { return nil }
        return InstanceUsage { controller, file in
            guard let path = groups.path(controller) else { return nil }
            return (try? readFile(path + "/" + file, limit: 1 << 20)).map { String(bytes: $0) }
        }
    }

    /// - Parameter text: returns the content of a file of a controller; nil where there is none.
    package init(_ text: (_ controller: String, _ file: String) -> String?) {
        func number(_ controller: String, _ file: String) -> UInt64? {
            text(controller, file).flatMap { UInt64($0.prefix { $0 != "\n" }) }
        }
        cpu =
            Self.field("usage_usec", text("cpu", "cpu.stat")).map { $0 &* 1000 } ?? number("cpuacct", "cpuacct.usage")
            ?? 0
        memory = number("memory", "memory.current") ?? number("memory", "memory.usage_in_bytes") ?? 0
        let limit = number("memory", "memory.max") ?? number("memory", "memory.limit_in_bytes")
        // Version 1 says so by a number near the highest one.
        memoryLimit = limit.flatMap { $0 > 1 << 60 ? nil : $0 }
        processes = number("pids", "pids.current") ?? 0
        for line in (text("io", "io.stat") ?? "").split(separator: "\n") {
            for word in line.split(separator: " ") {
                let parts = word.split(separator: "=")
                guard parts.count == 2, let bytes = UInt64(parts[1]) else { continue }
                if parts[0] == "rbytes" { bytesRead &+= bytes }
                if parts[0] == "wbytes" { bytesWritten &+= bytes }
            }
        }
        for line in (text("blkio", "blkio.throttle.io_service_bytes") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let bytes = UInt64(words[2]) else { continue }
            if words[1] == "Read" { bytesRead &+= bytes }
            if words[1] == "Write" { bytesWritten &+= bytes }
        }
    }

    private static func field(_ name: String, _ text: String?) -> UInt64? {
        for line in (text ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return UInt64(words[1]) }
        }
        return nil
    }

    /// One line of the table.
    /// - Parameters:
    ///   - before: what was used that long ago.
    ///   - machine: the memory of the machine, in bytes.
    package func row(_ name: String, since before: InstanceUsage, milliseconds: Int64, machine: UInt64) -> [String] {
        let busy = cpu >= before.cpu ? cpu - before.cpu : 0
        let limit = memoryLimit.map { min($0, machine) } ?? machine
        return [
            name, Self.percent(Double(busy) / 10_000, of: Double(max(1, milliseconds))),
            Self.size(memory) + " / " + Self.size(limit), Self.percent(Double(memory) * 100, of: Double(max(1, limit))),
            Self.size(bytesRead) + " / " + Self.size(bytesWritten), String(processes),
        ]
    }

    package static let heading = ["INSTANCE NAME", "CPU USAGE", "MEM USAGE / LIMIT", "MEM %", "BLOCK I/O", "PIDS"]

    private static func percent(_ value: Double, of whole: Double) -> String { decimals(value / whole, 2) + "%" }

    /// Four digits and a binary unit: `1.5MiB`, `1.953GiB`, `512B`.
    package static func size(_ bytes: UInt64) -> String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if value < 1024 || unit == "TiB" {
                var text = decimals(value, value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0)
                while text.contains("."), text.hasSuffix("0") || text.hasSuffix(".") { text.removeLast() }
                return text + unit
            }
            value /= 1024
        }
        return ""
    }

    private static func decimals(_ value: Double, _ count: Int) -> String {
        var scale = 1.0
        for _ in 0..<count { scale *= 10 }
        let scaled = UInt64(max(0, min(value * scale, 1e18)).rounded())
        if count == 0 { return String(scaled) }
        let fraction = String(scaled % UInt64(scale))
        return "\(scaled / UInt64(scale))." + String(repeating: "0", count: count - fraction.utf8.count) + fraction
    }

    package var json: JSONText {
        func entry(_ operation: String, _ value: UInt64) -> JSONText {
            .members(["op": .string(operation), "value": .integer(Int64(clamping: value))])
        }
        return .members([
            "cpu_stats": .members(["cpu_usage": .members(["total_usage": .integer(Int64(clamping: cpu))])]),
            "memory_stats": .members([
                "usage": .members([
                    "usage": .integer(Int64(clamping: memory)), "limit": .integer(Int64(clamping: memoryLimit ?? .max)),
                ])
            ]),
            "pids_stats": .members(["current": .integer(Int64(clamping: processes))]),
            "blkio_stats": .members([
                "io_service_bytes_recursive": .array([entry("Read", bytesRead), entry("Write", bytesWritten)])
            ]),
        ])
    }
}

/// Where the files of a process's cgroups lie, of those that it does not share with another process.
struct ControlGroups {
    private var paths: [String: String] = [:]

    /// - Parameters:
    ///   - own: /proc/PID/cgroup of the process; `others`: that of the other.
    ///   - mounts: /proc/self/mountinfo.
    init(_ own: [UInt8], apartFrom others: [UInt8], mounts: [UInt8]) {
        let shared = Set(others.split(separator: ASCII.newline).map { Array($0) })
        let lines = own.split(separator: ASCII.newline).filter { !shared.contains(Array($0)) }
        for member in CgroupMembership.all(Array(lines.joined(separator: [ASCII.newline])), mounts: mounts) {
            // What counts lies above the one that keeps devices out.
            let directory =
                member.directory.hasSuffix(MadeCgroup.deviceEnding)
                ? parentPath(member.directory) ?? "/" : member.directory
            for name in member.controllers.isEmpty ? [""] : member.controllers { paths[name] = directory }
        }
    }

    var isEmpty: Bool { paths.isEmpty }

    func path(_ controller: String) -> String? { paths[controller] ?? paths[""] }
}
