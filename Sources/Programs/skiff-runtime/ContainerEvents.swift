import Base
import Bundles
import CLinux
import Core
import Grammar
import Linux

/// `events`: what a container uses, once or again and again, and that the kernel has killed in it for want of memory.
struct ContainerEvents {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run(_ id: String, _ runtime: BundleRuntime) throws(SkiffError) {
        let interval = try milliseconds()
        guard var usage = try runtime.usage(id) else {
            throw SkiffError("cannot tell what container \(id) uses: it has ended")
        }
        if invocation[.stats] { return try write("stats", id, usage.json) }
        var killed = usage.killed
        while true {
            try write("stats", id, usage.json)
            pause(milliseconds: interval)
            guard let next = try after(id, runtime) else { return }
            usage = next
            if usage.killed > killed { try write("oom", id, nil) }
            killed = usage.killed
        }
    }

    /// One that was deleted meanwhile has ended as well.
    private func after(_ id: String, _ runtime: BundleRuntime) throws(SkiffError) -> ContainerUsage? {
        guard try runtime.store.names().contains(id) else { return nil }
        return try runtime.usage(id)
    }

    private func write(_ type: String, _ id: String, _ data: JSONText?) throws(SkiffError) {
        let event = JSONText.members(["type": .string(type), "id": .string(id), "data": data])
        try during("cannot write the answer") { () throws(Errno) in try writeFully(1, event.text() + "\n") }
    }

    /// `--interval`: `5s`, `500ms`, `1m`.
    private func milliseconds() throws(SkiffError) -> Int64 {
        guard let text = invocation[.interval] else { return 5000 }
        let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
        for (unit, length) in units where text.hasSuffix(unit) {
            guard let value = Int64(text.dropLast(unit.utf8.count)), (1...Int64(Int32.max)).contains(value) else {
                continue
            }
            return value * length
        }
        throw SkiffError("invalid value for interval: '\(text)' is no time such as 5s", code: .usage)
    }
}
