import CLinux
import Foundation
import Linux
import Testing

/// Things that skiff could leave on a host and must not: processes, mounts, loop devices, directories.
struct Leftovers: Equatable, CustomStringConvertible {
    var processes: [String]
    var mounts: [String]
    var loops: [String]
    var directories: [String]

    /// Returns what is there now.
    /// - Parameter sessions: sessions whose processes count as ours, besides those whose program is one of ours.
    static func now(sessions: Set<pid_t> = []) -> Leftovers {
        Leftovers(
            processes: ProcessTable.current()
                .filter { (sessions.contains($0.session) || isOurs($0)) && !isLeftToInit($0) }.map(\.description)
                .sorted(),
            mounts: lines(of: "/proc/self/mountinfo").filter(isOurs).map(mountPoint).sorted(), loops: loopDevices(),
            directories: entries(of: Stage.temporary, "")
                + (["/run", "/dev/shm"] + cgroups).flatMap { entries(of: $0, "skiff") })
    }

    /// Waits until everything is as it was; the kernel ends a FUSE connection and a namespace a moment after the last
    /// process. Returns what is still left over after that time.
    static func settled(from before: Leftovers, sessions: Set<pid_t> = [], seconds: Double = 5) -> Leftovers {
        let deadline = Date().addingTimeInterval(seconds)
        while true {
            let excess = now(sessions: sessions).subtracting(before)
            if excess.isEmpty || Date() > deadline { return excess }
            usleep(20_000)
        }
    }

    static let none = Leftovers(processes: [], mounts: [], loops: [], directories: [])
    var isEmpty: Bool { self == .none }

    var description: String {
        "processes \(processes), mounts \(mounts), loop devices \(loops), directories \(directories)"
    }

    private func subtracting(_ other: Leftovers) -> Leftovers {
        Leftovers(
            processes: processes.filter { !other.processes.contains($0) },
            mounts: mounts.filter { !other.mounts.contains($0) }, loops: loops.filter { !other.loops.contains($0) },
            directories: directories.filter { !other.directories.contains($0) })
    }

    /// Returns whether a process has ended and only init can reap it, which may take a while.
    private static func isLeftToInit(_ entry: ProcessEntry) -> Bool { entry.state == "Z" && entry.parent == 1 }

    /// Returns whether a process runs a program of ours, by the program's file. The image server is not dumpable, so
    /// only root can read that; others must go by the name.
    private static func isOurs(_ entry: ProcessEntry) -> Bool {
        let root = WorkDirectory.root
        if entry.arguments.hasPrefix(root) { return true }
        guard let program = try? readLink("/proc/\(entry.pid)/exe") else { return entry.command.hasPrefix("skiff") }
        return program.hasPrefix(root)
    }

    /// Returns the mount point, type and source in a line of mountinfo; the numbers at its beginning change with every
    /// mount.
    private static func mountPoint(_ line: String) -> String {
        let fields = line.split(separator: " ")
        guard fields.count > 4, let dash = fields.firstIndex(of: "-") else { return line }
        return ([fields[4]] + fields[fields.index(after: dash)...].prefix(2)).joined(separator: " ")
    }

    /// Returns whether a mount is ours. Others may mount during a test: ours lie in our tree, have our name as source,
    /// or cover a directory that a session is mounted over.
    private static func isOurs(_ line: String) -> Bool {
        let place = line.split(separator: " ").dropFirst(4).first ?? ""
        return line.contains(WorkDirectory.root) || line.contains(" skiff")
            || ["/tmp", "/var/tmp", "/run", "/mnt", "/dev"].contains(place)
    }

    private static func loopDevices() -> [String] {
        names(in: "/sys/block").filter { $0.hasPrefix("loop") }
            .compactMap { name in
                lines(of: "/sys/block/\(name)/loop/backing_file").first.map { "\(name) \($0)" }
            }
            .filter { $0.contains(WorkDirectory.root) }
    }

    /// The cgroups of this process, below which skiff makes its own.
    private static let cgroups: [String] = lines(of: "/proc/self/cgroup").map { line in
        let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        let isHybrid = access("/sys/fs/cgroup/unified", F_OK) == 0
        return "/sys/fs/cgroup/" + (parts[1].isEmpty ? isHybrid ? "unified" : "" : parts[1]) + parts[2]
    }

    private static func entries(of folder: String, _ prefix: String) -> [String] {
        // What BridgeNet knows of networks stays there, empty, until the next boot.
        names(in: folder).filter { $0.hasPrefix(prefix) }.map { folder + "/" + $0 }.filter { $0 != "/run/skiff" }
            .sorted()
    }

    private static func names(in folder: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    private static func lines(of path: String) -> [String] {
        let bytes = (try? readFile(path)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// For every suite that starts containers: a test must leave the host as it found it.
struct CleanHost: TestTrait, SuiteTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let before = Leftovers.now()
        try await function()
        let excess = Leftovers.settled(from: before)
        #expect(excess.isEmpty, "the test left \(excess)")
    }
}

extension Trait where Self == CleanHost {
    static var cleanHost: CleanHost { CleanHost() }
}
