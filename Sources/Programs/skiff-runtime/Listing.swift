import Base
import Bundles
import Core
import Grammar
import Linux

/// `list` and `ps`.
struct Listing {
    private let runtime: BundleRuntime

    init(_ runtime: BundleRuntime) { self.runtime = runtime }

    func text(_ invocation: Invocation) throws(SkiffError) -> String {
        let names = try runtime.store.names()
        if invocation[.quiet] { return names.map { $0 + "\n" }.joined() }
        // One that was deleted meanwhile is not there.
        let states = names.compactMap { try? runtime.state($0) }
        if invocation[.format] == "json" { return JSONText.array(states).text() + "\n" }
        var rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]]
        for state in states {
            rows.append(["id", "pid", "status", "bundle", "created", "owner"].map { Self.word(state[$0]) })
        }
        return table(rows)
    }

    private static func word(_ value: JSONText?) -> String {
        switch value {
        case .string(let text)?: text
        case .integer(let number)?: String(number)
        default: ""
        }
    }

    func processes(_ id: String, _ invocation: Invocation) throws(SkiffError) -> String {
        let pids = try runtime.processes(id)
        if invocation[.format] == "json" { return JSONText.array(pids.map { .integer(Int64($0)) }).text() + "\n" }
        var rows = [["UID", "PID", "PPID", "CMD"]]
        for pid in pids {
            guard let command = try? readFile("/proc/\(pid)/cmdline", limit: 1 << 16) else { continue }
            let words = command.split(separator: 0).map { String(bytes: $0) }
            rows.append([
                userID(of: pid).map { String($0) } ?? "?", String(pid), parent(of: pid).map { String($0) } ?? "?",
                words.joined(separator: " "),
            ])
        }
        return table(rows)
    }

    private func table(_ rows: [[String]]) -> String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].unicodeScalars.count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, word) in row.enumerated() {
                line += word.printable
                if column < row.count - 1 {
                    line += String(repeating: " ", count: max(0, widths[column] - word.unicodeScalars.count) + 3)
                }
            }
            return line + "\n"
        }.joined()
    }
}
