import Base
import CLinux
import Core
import Linux

/// One container while it is made.
struct Creation {
    private let container: ContainerDirectory
    private let configuration: BundleConfiguration
    private let process: BundleProcess
    private let bundle: String
    private let installation: Installation
    private let hasScope: Bool

    /// - Parameter hasScope: whether systemd makes the container's cgroup.
    init(
        _ container: ContainerDirectory, _ configuration: BundleConfiguration, _ process: BundleProcess,
        _ bundle: String, _ installation: Installation, hasScope: Bool
    ) {
        (self.container, self.configuration, self.process) = (container, configuration, process)
        (self.bundle, self.installation, self.hasScope) = (bundle, installation, hasScope)
    }

    func run(_ connections: BundleRuntime.Connections) throws(SkiffError) -> pid_t {
        var record = ContainerRecord()
        (record.bundle, record.version, record.owner) = (bundle, configuration.version, effectiveUID())
        record.created = currentTime()
        let scope = hasScope ? try makeScope() : nil
        defer { scope?.release() }
        let cgroup = try makeCgroup(in: scope)
        (record.cgroups, record.madeCgroups) = (cgroup?.directories ?? [], cgroup?.made ?? [])
        do throws(SkiffError) {
            // Before there is a process: whatever happens now, delete finds the cgroup.
            try container.write(record)
            return try start(in: cgroup, record, connections)
        } catch {
            NamedCgroup.remove(record.madeCgroups)
            throw error
        }
    }

    private func makeScope() throws(SkiffError) -> HeldScope {
        let name = try ScopeName(configuration.cgroup, id: container.id)
        try SystemdScope(Settings(), installation).leaveSession()
        return try HeldScope(name.unit, in: name.slice, installation)
    }

    private func makeCgroup(in scope: HeldScope?) throws(SkiffError) -> NamedCgroup? {
        var limits = configuration.limits
        // Nobody makes nodes in a user namespace, and those of the host are open as their permissions say.
        let isConfined = !inInitialUserNamespace() || effectiveUID() != 0
        if isConfined {
            limits.removeAll { $0.name == .device }
        } else if limits.contains(where: { $0.name == .device }) {
            limits += Self.usualDevices
        }
        if let scope { return try NamedCgroup(in: scope, limits) }
        return try NamedCgroup(configuration.cgroup ?? "skiff-" + container.id, limits)
    }

    /// What every container may use: the devices that it has, terminals, and nodes of all kinds, which are of no use without
    /// being let in.
    private static var usualDevices: [CgroupLimit] {
        let cause = ProgramAttributes.Cause(reason: "the devices of every container", origin: "core")
        func rule(_ kind: DeviceRule.Kind, _ major: UInt32?, _ minor: UInt32?, _ access: DeviceRule.Access)
            -> CgroupLimit
        {
            DeviceRule(allows: true, kind: kind, major: major, minor: minor, access: access).limit(cause)
        }
        return [rule(.character, nil, nil, .make), rule(.block, nil, nil, .make)]
            + [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)].map { rule(.character, $0.0, $0.1, .all) }
            + [rule(.character, 136, nil, .all)]
    }

    private func start(in cgroup: NamedCgroup?, _ record: ContainerRecord, _ connections: BundleRuntime.Connections)
        throws(SkiffError) -> pid_t
    {
        var record = record
        var plan = try BundlePlan(configuration, bundle: bundle).plan(of: process, in: cgroup)
        record.root = plan.bundle?.root ?? ""
        try connections.connect(process, &plan)
        if let profile = configuration.seccomp {
            plan.attributes.filters.append(try Self.filter(profile, process, installation))
        }
        let gate = try container.makeGate()
        defer {
            // The other end must see that the program has closed its own.
            _ = close(gate.start)
            _ = close(gate.answer)
        }
        let launcher = Launcher(plan: plan, plugins: NoPlugins(), installation: installation, isStep: false)
        let started = try launcher.makeBundle(gate, in: cgroup)
        let pid = started.pid
        do throws(SkiffError) {
            try follow(started, &record, connections)
        } catch {
            if let path = connections.pidFile { try? unlink(path) }
            throw error
        }
        return pid
    }

    private func follow(
        _ started: borrowing StartingBundle, _ record: inout ContainerRecord, _ connections: BundleRuntime.Connections
    ) throws(SkiffError) {
        let pid = started.pid
        var made = record
        try started.follow(
            .init(
                maps: { () throws(SkiffError) in
                    try IDMaps(users: configuration.users, groups: configuration.groups).write(for: pid)
                },
                hooks: { () throws(SkiffError) in
                    made.first = ContainerRecord.Process(pid)
                    let state = state(of: made, .creating)
                    for kind in [BundleConfiguration.HookKind.prestart, .createRuntime] {
                        for hook in configuration.hooks[kind] ?? [] { try HookRun(hook).run(state: state) }
                    }
                    return state
                },
                ready: { () throws(SkiffError) in
                    guard let first = ContainerRecord.Process(pid) else {
                        throw SkiffError("cannot create container \(container.id): its first process has ended")
                    }
                    made.first = first
                    try connections.writePid(pid)
                    try container.write(made)
                    return state(of: made, .created)
                }))
        record = made
    }

    private func state(of record: ContainerRecord, _ status: ContainerDirectory.Status) -> [UInt8] {
        record.state(of: container.id, status, annotations: configuration.annotations).text().bytes
    }

    static func filter(_ profile: String, _ process: BundleProcess, _ installation: Installation) throws(SkiffError)
        -> ProgramAttributes.Filter
    {
        try CompiledFilter(installation).filter(
            profile.bytes, name: "linux.seccomp", process.capabilities.effective,
            .init(reason: "linux.seccomp", origin: "core"))
    }
}

/// `linux.cgroupsPath` where systemd makes the cgroup: `SLICE:PREFIX:NAME`, as runc has it.
struct ScopeName: Equatable {
    let slice: String
    /// `PREFIX-NAME.scope`.
    let unit: String

    /// - Parameter path: nil for the usual one.
    init(_ path: String?, id: String) throws(SkiffError) {
        let usual = effectiveUID() == 0 && inInitialUserNamespace() ? "system.slice" : "user.slice"
        let parts = (path ?? ":skiff:" + id).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[2].isEmpty else {
            throw SkiffError(
                "cannot use linux.cgroupsPath '\(path ?? "")': with --systemd-cgroup it is SLICE:PREFIX:NAME")
        }
        guard !parts[2].hasSuffix(".slice") else {
            throw SkiffError("cannot use linux.cgroupsPath '\(path ?? "")': a container is a scope, no slice")
        }
        slice = parts[0].isEmpty ? usual : parts[0]
        unit = (parts[1].isEmpty ? "" : parts[1] + "-") + parts[2] + ".scope"
        // What else a name may not have, systemd knows.
        for name in [slice, unit] where name.contains("/") || name.utf8.count > 255 {
            throw SkiffError("cannot use linux.cgroupsPath '\(path ?? "")': \(name) is no name of a unit")
        }
    }
}

/// The maps of a new user namespace; user_namespaces(7).
private struct IDMaps {
    let users: [UserIDMap.Range]
    let groups: [UserIDMap.Range]

    /// Writes them for its first process: as root directly, else by newuidmap(1) and newgidmap(1), and without these the one
    /// id that is the caller's own.
    func write(for pid: pid_t) throws(SkiffError) {
        // CAP_SETGID and CAP_SETUID.
        let needed: UInt64 = 1 << 6 | 1 << 7
        if let own = try? capabilities().effective, own & needed == needed {
            return try during("cannot map the ids of linux.uidMappings and gidMappings") { () throws(Errno) in
                try put(pid)
            }
        }
        if isOwn(users, realUID()), isOwn(groups, realGID()) {
            return try during("cannot map the ids of linux.uidMappings and gidMappings") { () throws(Errno) in
                try writeControl("/proc/\(pid)/setgroups", "deny")
                try put(pid)
            }
        }
        for (name, ranges) in [("newuidmap", users), ("newgidmap", groups)] {
            guard let mapper = ProgramPath(Settings(), own: ProgramPath.system).find(name) else {
                throw SkiffError(
                    "cannot map the ids of linux.uidMappings and gidMappings: there is no \(name)",
                    hint: "Install it (package uidmap), or map the caller's own id alone")
            }
            let numbers = ranges.flatMap { [String($0.inside), String($0.outside), String($0.count)] }
            let ended = try during("cannot start \(mapper)") { () throws(Errno) in
                try waitFor(try spawn(mapper, [name, String(pid)] + numbers, environment: []))?.status
            }
            guard ended == .exited(0) else {
                throw SkiffError("cannot map the ids of linux.uidMappings and gidMappings: \(name) refuses")
            }
        }
    }

    private func isOwn(_ ranges: [UserIDMap.Range], _ id: UInt32) -> Bool {
        ranges.count == 1 && ranges[0].count == 1 && ranges[0].outside == id
    }

    private func put(_ pid: pid_t) throws(Errno) {
        for (name, ranges) in [("gid_map", groups), ("uid_map", users)] {
            try writeControl("/proc/\(pid)/" + name, ranges.map(\.line).joined())
        }
    }
}
