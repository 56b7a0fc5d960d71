import Base
import CLinux
import Linux

/// The cgroups of a command, written down before they are made: the next command, or `doctor --clean`, removes those of one
/// that was killed. A file of the user in memory, which a reboot takes along as it does cgroups.
package struct CgroupRecord {
    private static var directory: String { "/dev/shm/skiff-\(effectiveUID())/cgroups" }
    private static let cure = "Remove it: skiff writes down there what cgroups it has made"
    private static let limit = 1 << 16
    private let path: String

    /// - Parameters:
    ///   - cgroups: directories, those within others first.
    ///   - controllers: what is enabled for them, by the file that lists it: without processes below it keeps others out.
    init(_ cgroups: [String], enabling controllers: [(file: String, names: [String])]) throws(SkiffError) {
        let lines = cgroups + controllers.map { Self.word + $0.names.joined(separator: ",") + " " + $0.file }
        let name = "\(processID())-\(startTime(of: processID()) ?? 0)"
        path = Self.directory + "/" + name
        _ = try PrivateFiles.current.openDirectory(parentPath(Self.directory) ?? "/", cure: Self.cure)
        let folder = try PrivateFiles.current.openDirectory(Self.directory, cure: Self.cure)
        try during("cannot write \(path)", hint: "The cgroups of a command are written down there") {
            () throws(Errno) in
            try writeFile(name, lines.joined(separator: "\n").bytes + [0x0A], mode: 0o600, at: folder.raw)
        }
    }

    private static let word = "enabled "

    func forget() {
        try? unlink(path)
        Self.removeDirectoriesIfEmpty()
    }

    private static func removeDirectoriesIfEmpty() {
        try? removeDirectory(directory)
        if let parent = parentPath(directory) { try? removeDirectory(parent) }
    }

    /// Removes a cgroup that is empty.
    /// - Parameter patience: for how many milliseconds processes in it may take to end.
    /// - Returns: whether it is gone.
    static func remove(_ directory: String, patience: Int64) -> Bool {
        let begin = monotonicMilliseconds()
        while true {
            do throws(Errno) {
                try removeDirectory(directory)
                return true
            } catch {
                if error == .noSuchFile { return true }
                // A process that has ended is counted for a moment, though none is listed.
                let isEmpty = OwnProcesses.none.members(of: directory).isEmpty
                guard error == .busy, monotonicMilliseconds() - begin < (isEmpty ? max(patience, 100) : patience) else {
                    return false
                }
                pause(milliseconds: 2)
            }
        }
    }

    /// Removes what commands have left that were killed.
    @discardableResult package static func sweep(removing: Bool = true) -> [String] {
        guard (try? status(directory, follow: false)) != nil,
            let folder = try? PrivateFiles.current.openDirectory(directory, cure: cure),
            let names = try? entries(of: folder.raw)
        else { return [] }
        var left: [String] = []
        for name in names.map(\.text) {
            let parts = name.split(separator: "-").map(String.init)
            guard parts.count == 2, let pid = pid_t(parts[0]), let time = UInt64(parts[1]),
                !isRunning(pid, since: time),
                let bytes = try? PrivateFiles.current.read(name, at: folder.raw, limit: limit)
            else { continue }
            let lines = bytes.split(separator: 0x0A).map { String(bytes: $0) }
            let cgroups = lines.filter { isOurs($0, name) }
            left += cgroups.filter { isAccessible($0, F_OK) }
            guard removing else { continue }
            guard cgroups.reduce(true, { remove($1, patience: 0) && $0 }) else { continue }
            for line in lines where line.hasPrefix(word) { disable(line.dropFirst(word.utf8.count)) }
            try? unlink(name, at: folder.raw)
        }
        if removing { removeDirectoriesIfEmpty() }
        return left
    }

    private static func disable(_ line: Substring) {
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[1].hasSuffix("/cgroup.subtree_control"),
            (try? filesystemType(of: parts[1])) == cgroup2
        else { return }
        for name in parts[0].split(separator: ",") { try? writeControl(parts[1], "-\(name)") }
    }

    /// The numbers of statfs(2).
    private static let (cgroup, cgroup2): (UInt64, UInt64) = (0x27_E0EB, 0x6367_7270)

    /// Whether a directory can be a cgroup that the writer of a record has made.
    private static func isOurs(_ path: String, _ name: String) -> Bool {
        let last = lastComponent(path)
        guard last == "skiff-" + name || last.hasPrefix("skiff-\(name)."), absolutePath(path, in: "/") == path,
            let type = try? filesystemType(of: path)
        else { return false }
        return type == cgroup || type == cgroup2
    }
}
