import CLinux
import Linux

/// The memory of a process, as /proc shows it to root: what a core file would have, and what it would not (MADV_DONTDUMP, "dd" in
/// smaps; proc_pid_smaps(5); coredump_filter, core(5)).
struct DumpableMemory {
    private struct Area {
        var range: Range<UInt64>
        var name: String
        var isDumped = true
    }

    private let pid: pid_t
    private let areas: [Area]

    init(of pid: pid_t) throws {
        self.pid = pid
        var areas: [Area] = []
        let text = String(decoding: try readFile("/proc/\(pid)/smaps"), as: UTF8.self)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words[0] == "VmFlags:" {
                if !areas.isEmpty { areas[areas.count - 1].isDumped = !words.contains("dd") }
                continue
            }
            let ends = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard ends.count == 2, ends[0] < ends[1], words.count > 1, words[1].hasPrefix("r") else { continue }
            areas.append(Area(range: ends[0]..<ends[1], name: words.count > 5 ? String(words[5]) : "anonymous"))
        }
        let filter = String(decoding: try readFile("/proc/\(pid)/coredump_filter"), as: UTF8.self)
        // All that matters is private and was written.
        if Int(filter.filter { !$0.isWhitespace }, radix: 16) == 0 {
            for index in areas.indices { areas[index].isDumped = false }
        }
        self.areas = areas.filter { !["[vvar]", "[vsyscall]"].contains($0.name) }
    }

    /// Returns all that would be in a core file, area by area.
    func dumped() throws -> [[UInt8]] {
        let memory = try open("/proc/\(pid)/mem", O_RDONLY)
        return areas.filter(\.isDumped).map { area in
            let count = Int(area.range.upperBound - area.range.lowerBound)
            return (try? readBytes(memory.raw, at: Int64(clamping: area.range.lowerBound), count: count)) ?? []
        }
    }

    /// - Returns: where one of the texts is in memory that would be in a core file, and how often in other memory.
    func occurrences(of texts: [[UInt8]]) throws -> (dumped: [String], excluded: Int) {
        let memory = try open("/proc/\(pid)/mem", O_RDONLY)
        var result = (dumped: [String](), excluded: 0)
        for area in areas {
            let count = Int(area.range.upperBound - area.range.lowerBound)
            guard let bytes = try? readBytes(memory.raw, at: Int64(clamping: area.range.lowerBound), count: count)
            else {
                continue
            }
            for (index, text) in texts.enumerated() where Self.contains(bytes, text) {
                if area.isDumped { result.dumped.append("\(index) in \(area.name)") } else { result.excluded += 1 }
            }
        }
        return result
    }

    static func contains(_ bytes: [UInt8], _ text: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            text.withUnsafeBytes { text in
                guard let place = bytes.baseAddress, let wanted = text.baseAddress else { return false }
                return memmem(place, bytes.count, wanted, text.count) != nil
            }
        }
    }
}
