package import Base
import CLinux
package import Core
import Linux

/// Makes the plan of a bundle's container.
package struct BundlePlan {
    private let configuration: BundleConfiguration
    private let bundle: String

    /// - Parameter bundle: the directory: absolute.
    package init(_ configuration: BundleConfiguration, bundle: String) {
        (self.configuration, self.bundle) = (configuration, bundle)
    }

    private var newNamespaces: Namespaces {
        configuration.namespaces.filter { $0.path == nil }.reduce(into: []) { $0.formUnion($1.kind) }
    }

    /// The plan of the container itself.
    /// - Parameters:
    ///   - process: its program.
    ///   - cgroup: where it will live.
    package func plan(of process: BundleProcess, in cgroup: NamedCgroup?) throws(SkiffError) -> Plan {
        var plan = Self.plan(of: process, namespaces: newNamespaces)
        plan.hostname = configuration.hostname
        plan.session.receivesMounts = configuration.receivesMounts
        plan.attributes.sysctls = configuration.sysctls
        let root = absolutePath(configuration.root, in: bundle)
        plan.bundle?.root = try during("cannot use \(root) as the root file system") { () throws(Errno) in
            let real = try realPath(root)
            guard try status(real).isDirectory else { throw .notDirectory }
            return real
        }
        plan.image.path = root
        plan.bundle?.isReadOnly = configuration.isReadOnly
        plan.bundle?.mounts = try mounts(cgroup)
        plan.bundle?.joined = try joined()
        plan.bundle?.users = configuration.users
        plan.bundle?.groups = configuration.groups
        plan.bundle?.domainName = configuration.domainName
        plan.bundle?.propagation = configuration.propagation
        plan.bundle?.createHooks = configuration.hooks[.createContainer] ?? []
        plan.bundle?.startHooks = configuration.hooks[.startContainer] ?? []
        return plan
    }

    /// The plan of a program that enters the container.
    package static func plan(of process: BundleProcess) -> Plan { plan(of: process, namespaces: []) }

    private static func plan(of process: BundleProcess, namespaces: Namespaces) -> Plan {
        var privileges = Privileges(
            noNewPrivileges: process.noNewPrivileges, capabilities: process.capabilities.effective, allowSetuid: true)
        privileges.label = process.label
        var environment = EnvironmentPlan()
        environment.isExact = true
        environment.variables = process.environment.map { text in
            let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) ?? text.utf8.endIndex
            return .init(
                String(text[..<equals]), Array(text.utf8[equals...].dropFirst()), origin: "config.json")
        }
        var attributes = ProgramAttributes()
        attributes.limits = process.limits
        var plan = Plan(
            action: .exec, arguments: process.arguments.map(\.bytes),
            image: RootImage(
                path: "/", driver: .directory, directory: "", filesystem: .squashfs, range: .init(offset: 0, size: 0),
                writable: true, targets: .none),
            layers: [], mounts: [], namespaces: namespaces, user: .none, root: nil, privileges: privileges,
            directory: .required(process.directory), umask: process.umask, hostname: nil,
            session: SessionFilesystem(size: nil), process: .monitored, plugins: [], notes: [],
            environment: environment, attributes: attributes)
        var bundle = PlannedBundle()
        bundle.user = process.user
        bundle.capabilities = process.capabilities
        bundle.noNewPrivileges = process.noNewPrivileges
        bundle.outOfMemoryScore = process.outOfMemoryScore
        plan.bundle = bundle
        return plan
    }

    private func joined() throws(SkiffError) -> [PlannedBundle.JoinedNamespace] {
        var result: [PlannedBundle.JoinedNamespace] = []
        for namespace in configuration.namespaces {
            guard let path = namespace.path else { continue }
            let descriptor = try during("cannot join \(path), \(namespace.name)") { () throws(Errno) in
                let file = try open(path, O_RDONLY)
                guard try kind(ofNamespace: file.raw) == namespace.kind else { throw .invalidArgument }
                return file.release()
            }
            result.append(.init(namespace.kind, descriptor))
        }
        return result
    }

    // MARK: - the tree

    private func mounts(_ cgroup: NamedCgroup?) throws(SkiffError) -> [BundleMount] {
        var mounts: [BundleMount] = []
        for (index, mount) in configuration.mounts.enumerated() {
            if configuration.cgroupMounts[index] != nil {
                mounts += CgroupMounts(mount, isNamespaced: newNamespaces.contains(.cgroup)).mounts(of: cgroup)
                continue
            }
            var mount = mount
            if case .bind(let source, let isRecursive) = mount.source {
                mount.source = .bind(absolutePath(source, in: bundle), isRecursive: isRecursive)
            }
            mounts.append(mount)
        }
        let isForeign = configuration.mounts.contains { mount in
            if case .bind = mount.source { return mount.destination == "/dev" }
            return false
        }
        if !isForeign { mounts += Self.devices }
        mounts += configuration.devices
        if !isForeign { mounts += Self.links }
        return mounts + configuration.maskedPaths + configuration.readOnlyPaths
    }

    /// What every container has; the runtime specification of OCI, "Default Devices".
    private static var devices: [BundleMount] {
        let known: [(name: String, major: UInt32, minor: UInt32)] = [
            ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
        ]
        return known.map { (name, major, minor) in
            let node = Mount.Node(isBlock: false, major: major, minor: minor, mode: 0o666, uid: 0, gid: 0)
            return BundleMount(.device(node), at: "/dev/" + name, name: "the device /dev/" + name)
        }
    }

    /// The runtime specification of OCI, "Dev symbolic links".
    private static var links: [BundleMount] {
        [
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
        ].map { BundleMount(.link($1), at: "/dev/" + $0, name: "the link /dev/" + $0) }
    }
}

/// The mount of type `cgroup`, which shows the container its own cgroup and no other.
private struct CgroupMounts {
    private let mount: BundleMount
    private let isNamespaced: Bool

    init(_ mount: BundleMount, isNamespaced: Bool) { (self.mount, self.isNamespaced) = (mount, isNamespaced) }

    func mounts(of cgroup: NamedCgroup?) -> [BundleMount] {
        let places = cgroup?.places ?? []
        if places.isEmpty, isNamespaced, CgroupHost.look().places.allSatisfy({ $0.version == .two }) {
            // It shows the cgroup that the container's processes begin in, whosever that is.
            var whole = mount
            whole.source = .filesystem(type: "cgroup2", source: "cgroup", options: [])
            return [whole]
        }
        if places.count == 1, places[0].name == "cgroup" || places[0].isOfVersionTwo {
            var whole = mount
            whole.source =
                isNamespaced
                ? .filesystem(type: "cgroup2", source: "cgroup", options: [])
                : .bind(places[0].directory, isRecursive: false)
            return [whole]
        }
        var folder = mount
        folder.source = .filesystem(type: "tmpfs", source: "tmpfs", options: ["mode=755"])
        var mounts = [folder]
        for place in places {
            var part = mount
            part.source = .bind(place.directory, isRecursive: false)
            part.destination = mount.destination + "/" + place.name
            mounts.append(part)
            // Each controller by its own name: `cpu` leads to `cpu,cpuacct`.
            for name in place.name.split(separator: ",") where place.name.contains(",") {
                mounts.append(
                    BundleMount(.link(place.name), at: mount.destination + "/" + name, name: mount.name))
            }
        }
        return mounts
    }
}
