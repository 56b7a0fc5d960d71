import CLinux
import Linux

/// A process as /proc shows it.
struct ProcessEntry: Hashable, CustomStringConvertible {
    let pid: pid_t
    let parent: pid_t
    let session: pid_t
    let state: Character
    let command: String
    let arguments: String

    var description: String { "\(pid) (\(command), parent \(parent), session \(session), \(state)) \(arguments)" }
}

enum ProcessTable {
    static func current() -> [ProcessEntry] {
        guard let folder = try? open("/proc", O_RDONLY | O_DIRECTORY),
            let names = try? Linux.entries(of: folder.raw).map(\.text)
        else { return [] }
        return names.compactMap { pid_t($0) }.compactMap(entry)
    }

    /// Parses `/proc/PID/stat`: the name in parentheses may hold anything, so fields are counted from the last one;
    /// proc(5).
    static func entry(_ pid: pid_t) -> ProcessEntry? {
        guard let stat = text("/proc/\(pid)/stat"), let opening = stat.firstIndex(of: "("),
            let closing = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: closing)...].split(separator: " ")
        guard fields.count > 3, let parent = pid_t(fields[1]), let session = pid_t(fields[3]) else { return nil }
        let arguments = text("/proc/\(pid)/cmdline") ?? ""
        return ProcessEntry(
            pid: pid, parent: parent, session: session, state: fields[0].first ?? "?",
            command: String(stat[stat.index(after: opening)..<closing]),
            arguments: arguments.replacing("\0", with: " "))
    }

    private static func text(_ path: String) -> String? {
        (try? readFile(path)).map { String(decoding: $0, as: UTF8.self) }
    }
}
