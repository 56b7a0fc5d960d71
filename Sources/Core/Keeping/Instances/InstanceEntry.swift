package import Base
import CLinux
package import Linux

/// The plan of a program in an instance that runs: what the first program had goes on, and mounts are what they are.
package struct InstanceEntry {
    private let request: Request
    private let host: HostFacts
    private let instance: Instance

    package init(_ request: Request, _ host: HostFacts, _ instance: Instance) {
        (self.request, self.host, self.instance) = (request, host, instance)
    }

    package func plan() throws(SkiffError) -> Plan {
        try checkMapping()
        let conditions = instance.conditions
        let facts = EnvironmentFacts(
            container: instance.image, home: conditions.home,
            binds: conditions.binds.isEmpty ? [] : [conditions.binds], instance: instance.name)
        var messages: [PlanMessage] = []
        if !request.limits.isEmpty {
            messages.append(
                .warning(
                    "Resource limits & cgroups configuration are only applied to instances at instance start."))
        }
        if request.userMapping == .root { messages.append(.info("--fakeroot ignored when joining instance")) }
        let privileges = try privileges(&messages)
        let user: UserNamespace = conditions.user.map { .new(uid: $0.uid, gid: $0.gid) } ?? .none
        var plan = Plan(
            action: request.action, arguments: request.arguments,
            image: RootImage(
                path: instance.image, driver: .directory, directory: "/", filesystem: .directory, range: .whole,
                writable: false, targets: .none),
            layers: [], mounts: [], namespaces: conditions.namespaces, user: user,
            root: conditions.root.map {
                RootEmulation(
                    mode: $0.mode, filter: $0.filter.filter, supervisor: $0.filter == .faked ? .none : .own,
                    scope: .listenOnRoot)
            },
            privileges: privileges, directory: directory, umask: request.noUmask ? 0o022 : host.umask, hostname: nil,
            session: SessionFilesystem(size: nil), process: .monitored, plugins: [],
            notes: [PlanNote("the container is that of instance \(instance.name)", origin: "core")],
            messages: messages, environment: try EnvironmentPlan.make(request, host: host.environment, facts: facts),
            attributes: conditions.attributes)
        plan.cgroup = PlannedCgroup(joining: conditions.limits)
        return plan
    }

    /// Whoever enters has the ids of the container.
    private func checkMapping() throws(SkiffError) {
        if request.userMapping == .userNamespace && instance.conditions.user == nil {
            throw SkiffError(
                "cannot enter instance \(instance.name) with --userns: it was started without",
                hint: "Leave --userns out")
        }
    }

    private var directory: StartDirectory {
        if let directory = request.directory { return .required(directory) }
        return .preferred([host.directory, instance.conditions.home, "/"])
    }

    private var insideUID: UInt32 { instance.conditions.user?.uid.inside ?? host.uid }

    /// Those of the start, changed by what this command says.
    private func privileges(_ messages: inout [PlanMessage]) throws(SkiffError) -> Privileges {
        if request.keepPrivileges && insideUID != 0 { throw SkiffError("--keep-privs requires root privileges") }
        var bits = instance.conditions.capabilities
        if request.keepPrivileges { bits = Capability.everything }
        if request.noPrivileges { bits = 0 }
        let options = request.security
        let added = Capability.set(of: request.addCapabilities, all: Capability.everything)
        let dropped = Capability.set(of: request.dropCapabilities, all: Capability.everything)
        messages += (added.unknown + dropped.unknown).map { .warning("Skipping unknown capability: \($0)") }
        bits = (bits | added.bits) & ~dropped.bits
        var privileges = Privileges(
            noNewPrivileges: instance.conditions.noNewPrivileges || host.uid != 0 || bits == 0 || options.changesUser,
            capabilities: bits)
        privileges.target = try target(options)
        privileges.label = try label(options)
        return privileges
    }

    /// The ids of the start, or those that this command names; only root of the host can have others than the container's.
    private func target(_ options: SecurityOptions) throws(SkiffError) -> ProgramUser? {
        guard options.changesUser else { return instance.conditions.target }
        guard host.uid == 0, instance.conditions.user == nil else {
            throw SkiffError(
                "cannot run as another user or group in instance \(instance.name) (--security uid:, gid:): it requires root "
                    + "privileges, and an instance without a user namespace")
        }
        let started = instance.conditions.target
        return ProgramUser(
            uid: options.uid ?? started?.uid ?? host.uid, gid: options.gids.first ?? started?.gid ?? host.gid,
            groups: options.gids)
    }

    private func label(_ options: SecurityOptions) throws(SkiffError) -> SecurityLabel? {
        guard let label = options.label ?? instance.conditions.label else { return nil }
        guard label.isAvailable else {
            throw SkiffError(
                "failed to apply security configuration: \(label.module) requested, but is not enabled or supported on this "
                    + "system")
        }
        return label
    }
}

extension SyscallFilter.Kind {
    fileprivate var filter: SyscallFilter {
        switch self {
        case .supervised: .supervised()
        case .devices: .devices()
        case .faked: .faked()
        }
    }
}

extension Launcher {
    /// Starts the program in the container of an instance.
    package func enter(_ instance: Instance, of directory: InstanceDirectory) throws(SkiffError) -> ExitStatus {
        let socket = try connect(to: instance, of: directory)
        let namespaces: ContainerNamespaces
        do throws(Errno) {
            namespaces = try ContainerNamespaces.receive(over: socket.raw)
        } catch {
            throw SkiffError("cannot enter instance \(instance.name): it is ending", errno: error)
        }
        try? socket.close()
        if !instance.conditions.plugins.isEmpty {
            guard let first = instance.first.open() else {
                throw SkiffError("cannot enter instance \(instance.name): it has just ended")
            }
            try plugins.joining(ContainerPlace(pid: instance.first.pid, pidfd: first.raw, namespaces))
        }
        return try join(namespaces)
    }

    private func connect(to instance: Instance, of directory: InstanceDirectory) throws(SkiffError) -> OwnedFD {
        let address = directory.address(of: instance.name)
        if let socket = try address.connect() { return socket }
        // Somebody has removed its socket.
        guard let keeper = instance.keeper.open() else {
            throw SkiffError("cannot enter instance \(instance.name): it has just ended")
        }
        try? sendSignal(SIGCONT, to: keeper)
        try? sendSignal(Keeper.listening, to: keeper)
        for _ in 0..<200 {
            if let socket = try address.connect() { return socket }
            pause(milliseconds: 10)
        }
        throw SkiffError("cannot enter instance \(instance.name): its keeper does not answer at \(address.socketPath)")
    }
}
