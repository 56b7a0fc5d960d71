package import CLinux
package import Linux

/// A container that runs by itself under a name, as its state file tells.
package struct Instance: Sendable, Equatable {
    /// A process that no other can be taken for: numbers are given again, but not within one clock tick.
    package struct Process: Sendable, Equatable {
        package let pid: pid_t
        /// In clock ticks since the boot.
        package let startTime: UInt64

        package init(pid: pid_t, startTime: UInt64) { (self.pid, self.startTime) = (pid, startTime) }

        /// Returns nil for a process that has gone.
        init?(_ pid: pid_t) {
            guard let time = Linux.startTime(of: pid) else { return nil }
            self.init(pid: pid, startTime: time)
        }

        package var isRunning: Bool { Linux.isRunning(pid, since: startTime) }

        /// Returns a handle on this very process; nil when it has ended.
        func open() -> OwnedFD? {
            guard let handle = try? openPidFD(pid), isRunning else { return nil }
            return handle
        }
    }

    /// What processes that enter have in common with the first one.
    package struct Conditions: Sendable, Equatable {
        package var namespaces: Namespaces
        /// The ids of the container's user namespace; nil without one.
        package var user: Mapping?
        package var root: Root?
        package var capabilities: UInt64
        package var noNewPrivileges: Bool
        /// `--security uid:`, `gid:`, `apparmor:` and `selinux:`.
        package var target: ProgramUser?
        package var label: SecurityLabel?
        package var home: String
        /// What APPTAINER_BIND says.
        package var binds: String
        /// What plugins asked for on behalf of the program: its restrictions are those of all.
        package var attributes = ProgramAttributes()
        /// Those of the container's cgroup.
        package var limits: [CgroupLimit] = []
        /// Ids of the plugins that are asked before a program enters.
        package var plugins: [String] = []

        /// One id of a user and one of a group, inside and outside.
        package struct Mapping: Sendable, Equatable {
            package var uid: IDMap
            package var gid: IDMap
        }

        /// How root is emulated.
        package struct Root: Sendable, Equatable {
            package var mode: RootMode
            package var filter: SyscallFilter.Kind
        }
    }

    package var name: String
    /// The absolute path of the image.
    package var image: String
    /// PID 1 of the container.
    package var first: Process
    package var keeper: Process
    /// Names the boot of the machine in which these processes have their numbers, and the PID namespace.
    package var boot: String
    package var pidNamespace: UInt64
    package var conditions: Conditions
    /// Those that its networks gave it.
    package var addresses: [String]

    package init(
        name: String, image: String, first: Process, keeper: Process, boot: String, pidNamespace: UInt64,
        conditions: Conditions, addresses: [String] = []
    ) {
        self.addresses = addresses
        (self.name, self.image, self.first, self.keeper) = (name, image, first, keeper)
        (self.boot, self.pidNamespace, self.conditions) = (boot, pidNamespace, conditions)
    }

    /// Whether a text can be the name of an instance: letters, digits, `.`, `_` and `-`, as in Apptainer, and what a file can be
    /// named after.
    package static func isName(_ text: String) -> Bool {
        text != "." && text != ".." && (1...maximumName).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, ASCII.dot, ASCII.underscore, 0x2D: true
                default: false
                }
            }
    }

    /// Leaves room for the ending in a file's name of 255 bytes.
    private static let maximumName = 240

    /// The state of an instance as the processes of this machine tell.
    package enum Life: Sendable { case runs, ended, endedWithItsBoot, elsewhere }

    /// - Parameter owner: the user whose processes they must be. A file could name others.
    package func life(owner: uid_t) -> Life {
        guard boot == bootName() else { return .endedWithItsBoot }
        // Seen from another PID namespace, as in a container with the same home, the numbers mean nothing.
        guard pidNamespace == Self.currentPIDNamespace else { return .elsewhere }
        guard keeper.isRunning, userID(of: keeper.pid) == owner else { return .ended }
        return .runs
    }

    static var currentPIDNamespace: UInt64 { (try? status("/proc/self/ns/pid").inode) ?? 0 }
}

extension Instance.Conditions {
    /// What a plan lays down for its container.
    init(_ plan: Plan) {
        namespaces = plan.namespaces
        switch plan.user {
        case .none: user = nil
        case .new(let uid, let gid): user = Mapping(uid: uid, gid: gid)
        case .ranges(_, let uid, let gid):
            user = Mapping(uid: IDMap(inside: 0, outside: uid), gid: IDMap(inside: 0, outside: gid))
        }
        root = plan.root.map { Root(mode: $0.mode, filter: $0.filter.kind) }
        (capabilities, noNewPrivileges) = (plan.privileges.capabilities, plan.privileges.noNewPrivileges)
        (target, label) = (plan.privileges.target, plan.privileges.label)
        home = plan.environment.value(of: "HOME").map { String(bytes: $0) } ?? "/"
        binds = plan.environment.value(of: "APPTAINER_BIND").map { String(bytes: $0) } ?? ""
        attributes = plan.attributes
        // Those are the container's.
        attributes.sysctls = []
        limits = plan.cgroup?.limits ?? []
        plugins = plan.plugins.filter(\.isAskedToJoin).map(\.id)
    }
}
