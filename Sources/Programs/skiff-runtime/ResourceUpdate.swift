import Base
import Bundles
import Core
import Grammar
import Linux

/// `update`: other limits for a container that runs.
struct ResourceUpdate {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run(_ id: String, _ runtime: BundleRuntime) throws(SkiffError) {
        let given = try flags()
        guard let file = invocation[.resources] else {
            guard case .object(let members) = given, !members.isEmpty else {
                throw SkiffError(
                    "cannot update container \(id): no limit is given", hint: "See skiff-runtime help update")
            }
            return try runtime.update(id, given.text().bytes, file: "the command line")
        }
        if case .object(let members) = given, !members.isEmpty {
            throw SkiffError("cannot use --resources beside flags of limits: put them into the file", code: .usage)
        }
        let bytes = try during("cannot read \(file)") { () throws(Errno) in
            file == "-" ? try readToEnd(0, limit: 1 << 20) : try readFile(file, limit: 1 << 20)
        }
        try runtime.update(id, bytes, file: file)
    }

    /// The flags as an object like `linux.resources` of config.json.
    private func flags() throws(SkiffError) -> JSONText {
        func bytes(_ key: FlagKey<String>) throws(SkiffError) -> JSONText? {
            guard let text = invocation[key] else { return nil }
            guard let value = text == "-1" ? -1 : LimitText.bytes(text), value != 0 else {
                throw SkiffError("invalid value for \(key.name): '\(text)' is no size such as 512m", code: .usage)
            }
            return .integer(value)
        }
        func integer(_ key: FlagKey<Int>) -> JSONText? { invocation[key].map { .integer(Int64($0)) } }
        func table(_ members: KeyValuePairs<String, JSONText?>) -> JSONText? {
            let table = JSONText.members(members)
            return table == .object([]) ? nil : table
        }
        return .members([
            "memory": table([
                "limit": try bytes(.memory), "reservation": try bytes(.memoryReservation),
                "swap": try bytes(.memorySwap),
            ]),
            "cpu": table([
                "shares": integer(.cpuShare), "quota": integer(.cpuQuota), "period": integer(.cpuPeriod),
                "realtimeRuntime": integer(.cpuRealtimeRuntime), "realtimePeriod": integer(.cpuRealtimePeriod),
                "cpus": invocation[.cpusetCpus].map { .string($0) },
                "mems": invocation[.cpusetMems].map { .string($0) },
            ]),
            "pids": table(["limit": integer(.pidsLimit)]),
            "blockIO": table(["weight": integer(.blkioWeight)]),
        ])
    }
}
