import CLinux
import Linux

/// Whether the processes of a session end with it; logind.conf(5).
enum LoginSettings {
    static func killsProcesses(of user: String) -> Bool { killsProcesses(of: user, files: files()) }

    /// - Parameter files: contents, the later ones stronger.
    static func killsProcesses(of user: String, files: [String]) -> Bool {
        var (kills, only, excluded) = (false, [Substring](), ["root"[...]])
        for line in files.joined(separator: "\n").split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map { trimmed($0) }
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "KillUserProcesses": kills = ["yes", "y", "true", "t", "on", "1"].contains(parts[1].lowercased())
            case "KillOnlyUsers": only = parts[1].split(separator: " ")
            case "KillExcludeUsers": excluded = parts[1].split(separator: " ")
            default: break
            }
        }
        let name = user[...]
        return !excluded.contains(name) && (only.isEmpty ? kills : kills && only.contains(name))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }

    /// logind.conf, then the drop-ins in the order of their names, of which /etc has the last word.
    private static func files() -> [String] {
        var dropIns: [String: String] = [:]
        for directory in ["/usr/lib", "/usr/local/lib", "/run", "/etc"].map({ $0 + "/systemd/logind.conf.d" }) {
            guard let opened = try? open(directory, O_RDONLY | O_DIRECTORY), let names = try? entries(of: opened.raw)
            else { continue }
            for name in names.map(\.text) where name.hasSuffix(".conf") { dropIns[name] = directory + "/" + name }
        }
        return (["/etc/systemd/logind.conf"] + dropIns.sorted { $0.key < $1.key }.map(\.value)).compactMap { path in
            (try? readFile(path, limit: 1 << 16)).map { String(bytes: $0) }
        }
    }
}
