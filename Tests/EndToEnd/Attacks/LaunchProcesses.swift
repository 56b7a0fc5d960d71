import CLinux
import Foundation
import Linux

/// A process of a launch as /proc shows it, in the words of the table in Docs/security-model.md.
struct LaunchProcess: CustomStringConvertible {
    let role: String
    /// Descriptors; nil when the user who runs the suite may not look.
    var holds: String?
    /// The owner of /proc/PID/fd, who may look into it without a capability.
    var owner: String
    /// The namespaces that are not the host's.
    var namespaces: String?
    var capabilities: String
    var seccomp: String

    var description: String {
        "| \(role) | \(holds ?? "?") | \(owner) | \(namespaces ?? "?") | \(capabilities) | \(seccomp) |"
    }
}

/// All processes of a running launch.
struct LaunchProcesses {
    let running: RunningCommand
    /// The names of the program.
    let program: Set<String>

    func all() throws -> [LaunchProcess] {
        // The keeper is nobody's child; it must not be a child of the program.
        let keepers = ProcessTable.current().filter { $0.command == "skiff-keeper" }.map(\.pid)
        return try ([running.pid] + keepers).flatMap { family(of: $0) }.compactMap { pid in
            guard let entry = ProcessTable.entry(pid), entry.state != "Z" else { return nil }
            return try describe(entry)
        }
    }

    /// Waits until the program runs, and not the script before it.
    func waitForProgram() {
        for _ in 0..<500 {
            if ProcessTable.current().contains(where: { program.contains($0.command) }) { return }
            usleep(10_000)
        }
    }

    private func describe(_ entry: ProcessEntry) throws -> LaunchProcess {
        let pid = entry.pid
        let status = String(decoding: try readFile("/proc/\(pid)/status"), as: UTF8.self)
        func field(_ name: String) -> String {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") } ?? ""
            return line.split(separator: "\t").last.map(String.init) ?? ""
        }
        let owner = try Linux.status("/proc/\(pid)/fd").uid
        let name = Profile.user.record?.uid == owner ? "user" : owner == 0 ? "root" : String(owner)
        return LaunchProcess(
            role: role(entry), holds: descriptors(pid), owner: name, namespaces: namespaces(pid),
            capabilities: Self.capabilities(field("CapEff")),
            seccomp: (field("Seccomp") == "2" ? "filter" : "none")
                + (field("NoNewPrivs") == "1" ? ", no_new_privs" : ""))
    }

    /// Returns `none`, `all`, or the set as the kernel writes it. Capabilities that this machine withholds from
    /// everybody do not count.
    private static func capabilities(_ text: String) -> String {
        guard let set = UInt64(text, radix: 16), set != 0 else { return "none" }
        return set.nonzeroBitCount >= 38 ? "all" : text
    }

    private func role(_ entry: ProcessEntry) -> String {
        let parent = ProcessTable.entry(entry.parent)
        switch entry.command {
        case let name where program.contains(name): return "program"
        case "appinit": return "init"
        case "skiff": return "monitor"
        case "skiff-keeper": return "keeper"
        case "skiff-root": return parent?.command == "skiff-root" ? "skiff-root, answering" : "skiff-root"
        case "skiff-image":
            var depth = 0
            var above = parent
            while let next = above, next.command == "skiff-image" {
                depth += 1
                above = ProcessTable.entry(next.parent)
            }
            let roles = ["front", "guard", "builder", "step launcher"]
            return depth < roles.count ? roles[depth] : "skiff-image"
        default: return entry.command
        }
    }

    private func namespaces(_ pid: pid_t) -> String? {
        var found: [String] = []
        for kind in ["user", "mnt", "pid", "ipc"] {
            guard let theirs = try? readLink("/proc/\(pid)/ns/\(kind)"),
                let ours = try? readLink("/proc/self/ns/\(kind)")
            else { return nil }
            if theirs != ours { found.append(kind) }
        }
        return found.isEmpty ? "host's" : found.joined(separator: ", ")
    }

    private func descriptors(_ pid: pid_t) -> String? {
        guard let folder = try? open("/proc/\(pid)/fd", O_RDONLY | O_DIRECTORY),
            let names = try? entries(of: folder.raw).map(\.text)
        else { return nil }
        var found: Set<String> = []
        for name in names {
            guard let number = Int(name), let target = try? readLink(name, at: folder.raw) else { continue }
            if let word = Self.word(number, target, output: running.folder) { found.insert(word) }
        }
        return found.isEmpty ? "nothing" : found.sorted().joined(separator: ", ")
    }

    /// The ways into cgroups.
    static let cgroups = "cgroups"

    /// Returns the word for a descriptor. Of the first three, the output tells whose they are: anybody's input is
    /// /dev/null.
    private static func word(_ number: Int, _ target: String, output: String) -> String? {
        if number <= 2 {
            if number == 0 { return nil }
            return target.hasPrefix(output)
                ? "0-2" : target == "/dev/null" ? "null" : target.contains("/instances/logs/") ? "logs" : target
        }
        for (prefix, word) in [
            ("socket:", "channels"), ("pipe:", "channels"), ("anon_inode:seccomp notify", "listener"),
            ("anon_inode:[pidfd]", "pidfds"), ("anon_inode:[signalfd]", "signals"),
            ("/memfd:", "memory"), ("mnt:", "namespaces"), ("user:", "namespaces"), ("pid:", "namespaces"),
        ] where target.hasPrefix(prefix) { return word }
        if target.hasSuffix("/cgroup.procs") { return cgroups }
        if target == "/" { return "the host's root" }
        if target.hasSuffix("/fuse") { return "fuse" }
        if target.hasSuffix(".sif") { return "image" }
        return target.hasPrefix(WorkDirectory.root) ? "files of the build" : target
    }
}
