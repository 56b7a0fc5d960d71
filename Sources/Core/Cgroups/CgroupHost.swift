package import CLinux
import Linux

/// A version of the kernel's interface; cgroups(7). A host may have both, each with controllers of its own.
package enum CgroupVersion: Int, Sendable, Equatable { case one = 1, two = 2 }

/// The cgroups that this process is in, as far as a limit cares.
package struct CgroupHost: Sendable {
    /// The cgroup of this process in one hierarchy.
    package struct Place: Sendable, Equatable {
        package var version: CgroupVersion
        /// Its path in the file system.
        package var directory: String
        /// Its name as /proc/PID/cgroup has it.
        package var name: String
        /// Those that can be had for a cgroup below it.
        package var controllers: [String]
        package var isWritable: Bool
        /// Version 2: the controllers that cgroups below it have already.
        package var enabled: [String] = []
        /// Version 2: whether processes may be in it beside cgroups below it; only the very first one is so.
        package var isRoot = false
        /// Version 2: whether cgroups below it are in use for processes that a command has left: it is "threaded" then.
        package var isThreaded = false
        /// Version 2: processes in it that are not of this command.
        package var strangers: [pid_t] = []

        package init(
            version: CgroupVersion, directory: String, name: String, controllers: [String], isWritable: Bool
        ) {
            (self.version, self.directory, self.name) = (version, directory, name)
            (self.controllers, self.isWritable) = (controllers, isWritable)
        }
    }

    package var places: [Place]

    package init(places: [Place]) { self.places = places }

    /// Where a controller of version 2's name is: `io` is version 1's `blkio`.
    package func place(of controller: String) -> Place? {
        places.first { $0.controllers.contains($0.version == .one && controller == "io" ? "blkio" : controller) }
    }

    /// Returns the places of this process, once what killed commands have left is out of the way.
    package static func lookAfterSweeping() -> CgroupHost {
        CgroupRecord.sweep()
        return look()
    }

    /// Returns the places of this process.
    package static func look() -> CgroupHost {
        guard let own = try? readFile("/proc/self/cgroup", limit: 1 << 16),
            let mounts = try? readFile("/proc/self/mountinfo", limit: 1 << 22)
        else { return CgroupHost(places: []) }
        return CgroupHost(
            places: CgroupMembership.all(own, mounts: mounts).map { member in
                var place = Place(
                    version: member.version, directory: member.directory, name: member.name,
                    controllers: member.controllers, isWritable: mayWrite(member.directory))
                if member.version == .two { place.lookCloser() }
                return place
            })
    }

    private static func mayWrite(_ directory: String) -> Bool {
        isAccessible(directory, W_OK) && isAccessible(directory + "/cgroup.procs", W_OK)
    }
}

extension CgroupHost.Place {
    fileprivate mutating func lookCloser() {
        controllers = words("cgroup.controllers")
        enabled = words("cgroup.subtree_control")
        isRoot = !isAccessible(directory + "/cgroup.type", F_OK)
        isThreaded = !isRoot && words("cgroup.type") != ["domain"]
        if !isRoot && isWritable { strangers = OwnProcesses().strangers(in: directory) }
        isWritable = isWritable && isAccessible(directory + "/cgroup.subtree_control", W_OK)
    }

    private func words(_ file: String) -> [String] {
        let bytes = (try? readFile(directory + "/" + file, limit: 4096)) ?? []
        return String(bytes: bytes).split { $0 == " " || $0 == "\n" }.map(String.init)
    }
}

/// The processes of this command: this one, those that it has started, and those of skiff that have started it: a guard, or
/// the starter of an instance.
struct OwnProcesses {
    static let none = OwnProcesses(pids: [])
    private let pids: Set<pid_t>

    private init(pids: Set<pid_t>) { self.pids = pids }

    init() {
        var pids = Set(family(of: processID()))
        let program = try? readLink("/proc/self/exe")
        var ancestor = parentProcessID()
        while ancestor > 1, program != nil, (try? readLink("/proc/\(ancestor)/exe")) == program {
            pids.insert(ancestor)
            guard let next = parent(of: ancestor) else { break }
            ancestor = next
        }
        self.pids = pids
    }

    func strangers(in directory: String) -> [pid_t] { members(of: directory).filter { !pids.contains($0) } }

    func members(of directory: String) -> [pid_t] {
        let bytes = (try? readFile(directory + "/cgroup.procs", limit: 1 << 20)) ?? []
        return bytes.split(separator: ASCII.newline).compactMap { pid_t(String(bytes: $0)) }
    }
}

/// A cgroup that a process is in, from /proc/PID/cgroup and the mounts of this one.
struct CgroupMembership {
    let version: CgroupVersion
    /// Of version 1; empty for version 2, which tells in a file.
    let controllers: [String]
    let name: String
    let directory: String

    /// - Parameters:
    ///   - list: /proc/PID/cgroup; a line is `4:memory:/path`, and `0::/path` for version 2.
    ///   - mounts: /proc/self/mountinfo.
    static func all(_ list: [UInt8], mounts: [UInt8]) -> [CgroupMembership] {
        let mounts = mounts.split(separator: ASCII.newline)
        return list.split(separator: ASCII.newline).compactMap { line in
            let parts = line.split(separator: ASCII.colon, maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            let controllers = String(bytes: parts[1]).split(separator: ",").map(String.init)
            let name = String(bytes: parts[2])
            guard let directory = directory(controllers.first, name, mounts) else { return nil }
            return CgroupMembership(
                version: controllers.isEmpty ? .two : .one, controllers: controllers, name: name, directory: directory)
        }
    }

    /// - Parameter controller: nil for version 2.
    private static func directory(_ controller: String?, _ path: String, _ mounts: [ArraySlice<UInt8>]) -> String? {
        for line in mounts {
            let fields = line.split(separator: ASCII.space).map { String(bytes: $0) }
            guard fields.count > 5, let dash = fields.lastIndex(of: "-"), fields.count > dash + 3 else { continue }
            let (type, root, place) = (fields[dash + 1], fields[3], fields[4])
            let options = fields[dash + 3].split(separator: ",")
            let isWanted = controller.map { name in type == "cgroup" && options.contains { $0 == name } }
            guard isWanted ?? (type == "cgroup2") else { continue }
            // A path that leads out of what is mounted cannot be reached: the mount is that of another cgroup namespace.
            guard root == "/" || path == root || path.hasPrefix(root + "/"), !path.hasPrefix("/..") else { continue }
            let rest = root == "/" ? path : String(path.dropFirst(root.count))
            return rest == "/" ? place : place + rest
        }
        return nil
    }
}
