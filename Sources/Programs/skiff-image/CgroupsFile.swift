import Base
import CLinux
import Core
import Linux
import TOML

/// A file of limits as `--apply-cgroups` takes it: tables of the runtime specification of OCI, "Control groups",
/// in TOML (Docs/spec/runtime.md §11). A key that means nothing here ends the command.
struct CgroupsFile {
    let path: String

    /// Longer ones hold no limits.
    private static let limit = 64 << 10

    func limits() throws(SkiffError) -> [CgroupLimit] { try limits(in: try bytes()) }

    /// Root obeys only what root has written.
    private func bytes() throws(SkiffError) -> [UInt8] {
        let file = try during("cannot read \(path)") { () throws(Errno) in
            try open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        }
        try Trust.ofThisProcess.check(open: file.raw, path)
        let size = try during("cannot read \(path)") { () throws(Errno) in
            let found = try status(of: file.raw)
            guard found.isRegular else { throw .invalidArgument }
            return found.size
        }
        guard size <= Self.limit else {
            throw SkiffError("cannot read \(path): a file of limits has at most \(Self.limit >> 10) KiB")
        }
        return try during("cannot read \(path)") { () throws(Errno) in try readToEnd(file.raw, limit: Self.limit) }
    }

    func limits(in bytes: [UInt8]) throws(SkiffError) -> [CgroupLimit] {
        let document: TOMLTable
        do throws(TOMLError) {
            document = try TOMLReader.read(bytes)
        } catch {
            throw SkiffError("cannot read \(path), line \(error.line), column \(error.column): \(error.reason)")
        }
        var limits: [CgroupLimit] = []
        for entry in document.entries { limits += try section(entry) }
        return limits
    }

    private func section(_ entry: TOMLTable.Entry) throws(SkiffError) -> [CgroupLimit] {
        switch entry.key {
        case "cpu": return try keys(of: entry, Self.processorKeys)
        case "memory": return try keys(of: entry, Self.memoryKeys)
        case "pids": return try keys(of: entry, ["limit": .number(.processes, -1...Self.most)])
        case "blockIO": return try blockIO(entry)
        case "hugepageLimits":
            return try tables(entry) { (table, line) throws(SkiffError) in
                let fields = try Fields(self, table, "hugepageLimits", line, ["pageSize", "limit"])
                let size = try fields.text("pageSize")
                guard size.hasSuffix("KB") || size.hasSuffix("MB") || size.hasSuffix("GB"), Int(size.dropLast(2)) != nil
                else { throw refusal(line, "'\(size)' is no page size such as 2MB") }
                return [limit(.hugePages, size, try fields.number("limit", 0...Self.most), line)]
            }
        case "network": return try network(entry)
        case "rdma": return try rdma(entry)
        case "unified": return try unified(entry)
        case "devices":
            return try tables(entry) { (table, line) throws(SkiffError) in [try device(table, line)] }
        default: throw unknown(entry.key, "the file", entry.line, Self.sections)
        }
    }

    private static let sections = [
        "blockIO", "cpu", "devices", "hugepageLimits", "memory", "network", "pids", "rdma", "unified",
    ]

    // MARK: - tables of numbers

    private enum Meaning {
        /// A number in a range that does not hold 0, which would be no limit.
        case number(CgroupLimit.Name, ClosedRange<Int64>)
        /// One that may be 0.
        case amount(CgroupLimit.Name, ClosedRange<Int64>)
        case numbers(CgroupLimit.Name)
        case flag(CgroupLimit.Name)
    }

    private static let most = Int64.max

    private static var processorKeys: [String: Meaning] {
        [
            "shares": .number(.shares, 2...262_144), "quota": .number(.quota, -1...most),
            "period": .number(.period, 1...1_000_000), "realtimeRuntime": .number(.realtimeRuntime, -1...most),
            "realtimePeriod": .number(.realtimePeriod, 1...most), "cpus": .numbers(.cpus), "mems": .numbers(.mems),
        ]
    }

    private static var memoryKeys: [String: Meaning] {
        [
            "limit": .number(.memory, -1...most), "reservation": .number(.reservation, -1...most),
            "swap": .number(.swap, -1...most), "kernel": .number(.kernelMemory, -1...most),
            "kernelTCP": .number(.kernelTCP, -1...most), "swappiness": .amount(.swappiness, 0...100),
            "disableOOMKiller": .flag(.withoutKiller),
        ]
    }

    private func keys(of section: TOMLTable.Entry, _ meanings: [String: Meaning]) throws(SkiffError) -> [CgroupLimit] {
        guard case .table(let table) = section.value else { throw refusal(section.line, "[\(section.key)] is a table") }
        var limits: [CgroupLimit] = []
        for entry in table.entries {
            guard let meaning = meanings[entry.key] else {
                throw unknown(entry.key, "[\(section.key)]", entry.line, Array(meanings.keys))
            }
            switch (meaning, entry.value) {
            case (.number(let name, let range), .integer(let number)) where range.contains(number) && number != 0,
                (.amount(let name, let range), .integer(let number)) where range.contains(number):
                limits.append(limit(name, "", number, entry.line))
            case (.number(_, let range), .integer), (.amount(_, let range), .integer):
                throw refusal(entry.line, "\(entry.key) is \(range.text), and left out where nothing limits it")
            case (.numbers(let name), .text(let text)) where CgroupLimit.isNumberSet(text):
                limits.append(CgroupLimit(name, "", text, cause(entry.line)))
            case (.numbers, _): throw refusal(entry.line, "\(entry.key) is a list such as \"0-2,4\"")
            case (.flag(let name), .flag(let isSet)): limits.append(limit(name, "", isSet ? 1 : 0, entry.line))
            case (.flag, _): throw refusal(entry.line, "\(entry.key) is true or false, not \(entry.value.kind)")
            default: throw refusal(entry.line, "\(entry.key) is an integer, not \(entry.value.kind)")
            }
        }
        return limits
    }

    // MARK: - the other tables

    private func blockIO(_ section: TOMLTable.Entry) throws(SkiffError) -> [CgroupLimit] {
        guard case .table(let table) = section.value else { throw refusal(section.line, "[blockIO] is a table") }
        let rates: [String: CgroupLimit.Name] = [
            "throttleReadBpsDevice": .readRate, "throttleWriteBpsDevice": .writeRate,
            "throttleReadIOPSDevice": .readOperations, "throttleWriteIOPSDevice": .writeOperations,
        ]
        var limits: [CgroupLimit] = []
        for entry in table.entries {
            if let name = rates[entry.key] {
                limits += try tables(entry) { (table, line) throws(SkiffError) in
                    let fields = try Fields(self, table, entry.key, line, ["major", "minor", "rate"])
                    return [limit(name, try fields.device(), try fields.number("rate", 1...Self.most), line)]
                }
            } else if entry.key == "weightDevice" {
                limits += try tables(entry) { (table, line) throws(SkiffError) in try deviceWeights(table, line) }
            } else if entry.key == "weight" || entry.key == "leafWeight" {
                let name: CgroupLimit.Name = entry.key == "weight" ? .ioWeight : .ioLeafWeight
                guard case .integer(let weight) = entry.value, (10...1000).contains(weight) else {
                    throw refusal(entry.line, "\(entry.key) is 10 to 1000")
                }
                limits.append(limit(name, "", weight, entry.line))
            } else {
                throw unknown(
                    entry.key, "[blockIO]", entry.line, Array(rates.keys) + ["weight", "leafWeight", "weightDevice"])
            }
        }
        return limits
    }

    private func deviceWeights(_ table: TOMLTable, _ line: Int) throws(SkiffError) -> [CgroupLimit] {
        let fields = try Fields(self, table, "weightDevice", line, ["major", "minor", "weight", "leafWeight"])
        var limits: [CgroupLimit] = []
        for (key, name) in [("weight", CgroupLimit.Name.deviceWeight), ("leafWeight", .deviceLeafWeight)]
        where table[key] != nil {
            limits.append(limit(name, try fields.device(), try fields.number(key, 10...1000), line))
        }
        guard !limits.isEmpty else { throw refusal(line, "a weightDevice has a weight") }
        return limits
    }

    private func network(_ section: TOMLTable.Entry) throws(SkiffError) -> [CgroupLimit] {
        guard case .table(let table) = section.value else { throw refusal(section.line, "[network] is a table") }
        var limits: [CgroupLimit] = []
        for entry in table.entries {
            switch (entry.key, entry.value) {
            case ("classID", .integer(let number)) where (1...Int64(UInt32.max)).contains(number):
                limits.append(limit(.networkClass, "", number, entry.line))
            case ("classID", _): throw refusal(entry.line, "classID is a number of 32 bits")
            case ("priorities", _):
                limits += try tables(entry) { (table, line) throws(SkiffError) in
                    let fields = try Fields(self, table, "priorities", line, ["name", "priority"])
                    let name = try fields.text("name")
                    guard (1...15).contains(name.utf8.count), !name.contains(where: { $0 == " " || $0.isNewline })
                    else {
                        throw refusal(line, "'\(name)' is no name of an interface")
                    }
                    return [
                        limit(.networkPriority, name, try fields.number("priority", 0...Int64(UInt32.max)), line)
                    ]
                }
            default: throw unknown(entry.key, "[network]", entry.line, ["classID", "priorities"])
            }
        }
        return limits
    }

    private func rdma(_ section: TOMLTable.Entry) throws(SkiffError) -> [CgroupLimit] {
        guard case .table(let devices) = section.value else { throw refusal(section.line, "[rdma] is a table") }
        var limits: [CgroupLimit] = []
        for device in devices.entries {
            // The example of Apptainer has one table of a device, its text allows several.
            let found: [TOMLTable]
            switch device.value {
            case .table(let table): found = [table]
            case .list(let values):
                found = values.compactMap { if case .table(let table) = $0 { table } else { nil } }
            default: throw refusal(device.line, "[rdma.\(device.key)] is a table")
            }
            guard !device.key.contains(where: { $0 == " " || $0.isNewline }) else {
                throw refusal(device.line, "'\(device.key)' is no name of a device")
            }
            for table in found {
                let fields = try Fields(self, table, "rdma", device.line, ["hcaHandles", "hcaObjects"])
                for (key, name) in [("hcaHandles", CgroupLimit.Name.rdmaHandles), ("hcaObjects", .rdmaObjects)]
                where table[key] != nil {
                    let number = try fields.number(key, 0...Int64(UInt32.max))
                    limits.append(limit(name, device.key, number, device.line))
                }
            }
        }
        return limits
    }

    private func unified(_ section: TOMLTable.Entry) throws(SkiffError) -> [CgroupLimit] {
        guard case .table(let table) = section.value else { throw refusal(section.line, "[unified] is a table") }
        return try table.entries.map { entry throws(SkiffError) in
            let controllers = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "misc"]
            let isFile = entry.key.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x2E || byte == 0x5F || byte == 0x2D
            }
            guard isFile, controllers.contains(where: { entry.key.hasPrefix($0 + ".") }) else {
                throw refusal(entry.line, "'\(entry.key)' is no file of a controller, such as \"memory.high\"")
            }
            guard case .text(let value) = entry.value, !value.isEmpty, !value.contains(where: \.isNewline) else {
                throw refusal(entry.line, "\(entry.key) is a string of one line")
            }
            return CgroupLimit(.file, entry.key, value, cause(entry.line))
        }
    }

    private func device(_ table: TOMLTable, _ line: Int) throws(SkiffError) -> CgroupLimit {
        let fields = try Fields(self, table, "devices", line, ["allow", "type", "major", "minor", "access"])
        guard case .flag(let allows)? = table["allow"] else { throw refusal(line, "allow is true or false") }
        let type = table["type"] == nil ? "a" : try fields.text("type")
        guard let kind = DeviceRule.Kind(rawValue: type == "u" ? "c" : type) else {
            throw refusal(line, "type is a, b or c")
        }
        let word = table["access"] == nil ? "rwm" : try fields.text("access")
        guard let access = DeviceRule.Access(word) else { throw refusal(line, "access is some of r, w and m") }
        func number(_ key: String) throws(SkiffError) -> UInt32? {
            guard table[key] != nil else { return nil }
            let number = try fields.number(key, -1...Int64(UInt32.max >> 12))
            // All devices have no number, whatever the example of Apptainer says.
            return kind == .all || number < 0 ? nil : UInt32(number)
        }
        return DeviceRule(
            allows: allows, kind: kind, major: try number("major"), minor: try number("minor"), access: access
        ).limit(cause(line))
    }

    // MARK: - parts

    /// The tables of an array of tables, with their lines.
    private func tables(
        _ entry: TOMLTable.Entry, _ read: (TOMLTable, Int) throws(SkiffError) -> [CgroupLimit]
    ) throws(SkiffError) -> [CgroupLimit] {
        guard case .list(let values) = entry.value else {
            throw refusal(entry.line, "'\(entry.key)' is an array of tables: [[\(entry.key)]]")
        }
        var limits: [CgroupLimit] = []
        for (index, value) in values.enumerated() {
            let line = index < entry.lines.count ? entry.lines[index] : entry.line
            guard case .table(let table) = value else { throw refusal(line, "'\(entry.key)' is an array of tables") }
            limits += try read(table, line)
        }
        return limits
    }

    /// The fields of a table with known keys.
    private struct Fields {
        private let file: CgroupsFile
        private let table: TOMLTable
        private let line: Int

        init(_ file: CgroupsFile, _ table: TOMLTable, _ name: String, _ line: Int, _ keys: [String])
            throws(SkiffError)
        {
            for entry in table.entries where !keys.contains(entry.key) {
                throw file.unknown(entry.key, "[[\(name)]]", entry.line, keys)
            }
            (self.file, self.table, self.line) = (file, table, line)
        }

        func text(_ key: String) throws(SkiffError) -> String {
            guard case .text(let text)? = table[key] else { throw file.refusal(line, "\(key) is a string") }
            return text
        }

        func number(_ key: String, _ range: ClosedRange<Int64>) throws(SkiffError) -> Int64 {
            guard case .integer(let number)? = table[key], range.contains(number) else {
                throw file.refusal(line, "\(key) is \(range.text)")
            }
            return number
        }

        func device() throws(SkiffError) -> String {
            let numbers = -1...Int64(UInt32.max >> 12)
            let (major, minor) = (try number("major", numbers), try number("minor", numbers))
            guard major >= 0, minor >= 0 else { throw file.refusal(line, "a device has a major and a minor number") }
            return "\(major):\(minor)"
        }
    }

    private func limit(_ name: CgroupLimit.Name, _ subject: String, _ number: Int64, _ line: Int) -> CgroupLimit {
        CgroupLimit(name, subject, number, cause(line))
    }

    private func cause(_ line: Int) -> ProgramAttributes.Cause {
        .init(reason: "--apply-cgroups \(path), line \(line)", origin: "core")
    }

    private func refusal(_ line: Int, _ reason: String) -> SkiffError {
        SkiffError("cannot use \(path), line \(line): \(reason)")
    }

    private func unknown(_ key: String, _ place: String, _ line: Int, _ known: [String]) -> SkiffError {
        SkiffError(
            "cannot use \(path), line \(line): \(place) has no '\(key)'",
            hint: "It has " + known.sorted().joined(separator: ", "))
    }
}

extension ClosedRange<Int64> {
    fileprivate var text: String {
        upperBound == .max
            ? lowerBound < 0 ? "a positive number, or -1 for no limit" : "a number from \(lowerBound) on"
            : "a number from \(lowerBound) to \(upperBound)"
    }
}
