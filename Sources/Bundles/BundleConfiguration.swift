package import Base
package import Core
package import Linux

/// config.json of a bundle, as far as it says what is to be done: the runtime specification of OCI, version 1.0 and 1.1. The
/// host is not looked at.
package struct BundleConfiguration: Sendable {
    /// A namespace of the container: a new one, or that of a file.
    package struct Namespace: Sendable, Equatable {
        package var kind: Namespaces
        package var path: String?
        /// Its place in config.json.
        package var name: String
    }

    /// When a hook runs, in the order of the container's life.
    package enum HookKind: String, Sendable, CaseIterable {
        case prestart, createRuntime, createContainer, startContainer, poststart, poststop
    }

    package private(set) var version = ""
    /// As it stands there; relative to the bundle.
    package private(set) var root = ""
    package private(set) var isReadOnly = false
    package private(set) var mounts: [BundleMount] = []
    /// Places of the mount of cgroups, which depend on the host: destination, and whether it is read-only.
    package private(set) var cgroupMounts: [Int: BundleMount] = [:]
    package private(set) var process: BundleProcess?
    package private(set) var hostname: String?
    package private(set) var domainName: String?
    package private(set) var hooks: [HookKind: [PlannedBundle.Hook]] = [:]
    package private(set) var annotations: [(name: String, value: String)] = []
    package private(set) var namespaces: [Namespace] = []
    package private(set) var users: [UserIDMap.Range] = []
    package private(set) var groups: [UserIDMap.Range] = []
    package private(set) var devices: [BundleMount] = []
    package private(set) var sysctls: [ProgramAttributes.Sysctl] = []
    package private(set) var cgroup: String?
    package private(set) var limits: [CgroupLimit] = []
    package private(set) var propagation: Propagation?
    /// Whether mounts of the host reach the container, unless a mount says otherwise.
    package private(set) var receivesMounts = true
    package private(set) var maskedPaths: [BundleMount] = []
    package private(set) var readOnlyPaths: [BundleMount] = []
    /// `linux.seccomp` as text; nil for no filter.
    package private(set) var seccomp: String?

    /// - Parameter file: for messages.
    package init(parsing bytes: [UInt8], file: String = "config.json") throws(SkiffError) {
        let top = try ConfigurationNode(parsing: bytes, file: file)
        let foreign = "it is for another system than Linux"
        try top.check(
            [
                "ociVersion", "root", "mounts", "process", "hostname", "domainname", "hooks", "annotations", "linux",
            ],
            refused: ["windows": foreign, "solaris": foreign, "vm": foreign, "zos": foreign, "freebsd": foreign])
        try readVersion(try top.needed("ociVersion"))
        let root = try top.needed("root")
        try root.check(["path", "readonly"])
        self.root = try root.needed("path").text()
        guard !self.root.isEmpty else { throw try root.needed("path").refusal("it is empty") }
        isReadOnly = try root.member("readonly").flag()
        for node in try top.member("mounts").list() { try read(mount: node) }
        if let node = top.member("process") { process = try BundleProcess(node) }
        hostname = try name(top.member("hostname"))
        domainName = try name(top.member("domainname"))
        if let node = top.member("hooks") { try read(hooks: node) }
        for (name, node) in try top.member("annotations")?.members() ?? [] {
            annotations.append((name, try node.text()))
        }
        if let node = top.member("linux") { try read(linux: node) }
        try checkNamespaces(top)
    }

    private mutating func readVersion(_ node: ConfigurationNode) throws(SkiffError) {
        version = try node.text()
        let parts = version.split(separator: "-")[0...].first?.split(separator: ".").map { Int($0) } ?? []
        guard parts.count == 3, parts[0] == 1, let minor = parts[1], minor <= 3, parts[2] != nil else {
            throw node.refusal("'\(version)' is no version that skiff knows: 1.0 to 1.3")
        }
    }

    private func name(_ node: ConfigurationNode?) throws(SkiffError) -> String? {
        guard let node else { return nil }
        let text = try node.text()
        guard text.utf8.count <= 64 else { throw node.refusal("it is longer than the 64 bytes that the kernel takes") }
        return text.isEmpty ? nil : text
    }

    // MARK: - mounts

    private mutating func read(mount node: ConfigurationNode) throws(SkiffError) {
        let withoutIDs = "mounts with ids of their own are not supported"
        try node.check(
            ["destination", "type", "source", "options"],
            refused: ["uidMappings": withoutIDs, "gidMappings": withoutIDs])
        var options = MountOptions()
        for option in try node.member("options").list() {
            let word = try option.text()
            do throws(MountOptions.Problem) {
                try options.take(word)
            } catch .refused(let reason) {
                throw option.refusal(reason)
            } catch {
                throw option.refusal("it is no option of a mount")
            }
        }
        let place = try node.needed("destination")
        // Version 1.0 of the specification had relative ones, of the root.
        let text = try place.text()
        let destination = absolutePath(text, in: "/")
        if destination == "/" { throw place.refusal("the root is what root.path says") }
        let type = try node.member("type")?.text() ?? ""
        let source = try node.member("source")?.text() ?? ""
        if options.isBind || type == "bind" {
            guard !source.isEmpty else { throw node.refusal("source is missing") }
            if let first = options.data.first { throw node.refusal("'\(first)' is no option of a bind") }
            if options.copiesUp { throw node.refusal("tmpcopyup is for tmpfs") }
            return mounts.append(
                BundleMount(
                    .bind(source, isRecursive: options.isRecursive), at: destination, options.changes, name: node.place
                ))
        }
        guard !type.isEmpty, type != "none" else { throw node.refusal("type is missing") }
        if options.copiesUp, type != "tmpfs" { throw node.refusal("tmpcopyup is for tmpfs") }
        let mount = BundleMount(
            .filesystem(type: type, source: source.isEmpty ? type : source, options: options.data), at: destination,
            options.changes, copiesUp: options.copiesUp, name: node.place)
        if type == "cgroup" || type == "cgroup2" { cgroupMounts[mounts.count] = mount }
        mounts.append(mount)
    }

    // MARK: - hooks

    private mutating func read(hooks node: ConfigurationNode) throws(SkiffError) {
        try node.check(HookKind.allCases.map(\.rawValue))
        for kind in HookKind.allCases {
            for entry in try node.member(kind.rawValue).list() {
                try entry.check(["path", "args", "env", "timeout"])
                let path = try entry.needed("path").text()
                guard path.utf8.first == ASCII.slash else {
                    throw try entry.needed("path").refusal("it must be absolute")
                }
                let timeout = try entry.member("timeout")?.number(1...Int64(Int32.max) / 1000)
                hooks[kind, default: []].append(
                    PlannedBundle.Hook(
                        path, try entry.member("args").texts(), try entry.member("env").texts(),
                        timeout: timeout.map { Int($0) }, name: entry.place))
            }
        }
    }

    // MARK: - linux

    private mutating func read(linux node: ConfigurationNode) throws(SkiffError) {
        try node.check(
            [
                "uidMappings", "gidMappings", "sysctl", "resources", "cgroupsPath", "namespaces", "devices", "seccomp",
                "rootfsPropagation", "maskedPaths", "readonlyPaths", "mountLabel",
            ],
            refused: [
                "intelRdt": "skiff has no classes of cache and memory bandwidth",
                "personality": "skiff does not change the kernel's personality",
                "timeOffsets": "skiff makes no time namespaces",
                "netDevices": "skiff moves no network devices",
                "memoryPolicy": "skiff sets no memory policy",
            ])
        users = try Self.map(node.member("uidMappings"))
        groups = try Self.map(node.member("gidMappings"))
        for entry in try node.member("namespaces").list() { try read(namespace: entry) }
        for (name, entry) in try node.member("sysctl")?.members() ?? [] {
            sysctls.append(
                .init(name: name, value: try entry.text(), cause: .init(reason: entry.place, origin: "core")))
        }
        if let path = node.member("cgroupsPath") {
            let text = try path.text()
            cgroup = text.isEmpty ? nil : text
        }
        if let resources = node.member("resources") { limits = try ResourceReader(resources).limits() }
        for entry in try node.member("devices").list() { devices.append(try Self.device(entry)) }
        if let entry = node.member("rootfsPropagation") { try read(propagation: entry) }
        for entry in try node.member("maskedPaths").list() {
            maskedPaths.append(BundleMount(.masked, at: try entry.containerPath(), name: entry.place))
        }
        for entry in try node.member("readonlyPaths").list() {
            readOnlyPaths.append(BundleMount(.readOnly, at: try entry.containerPath(), name: entry.place))
        }
        if let entry = node.member("mountLabel"), try !entry.text().isEmpty {
            throw entry.refusal("skiff labels no mounts: leave it out, or give context= to each")
        }
        if let entry = node.member("seccomp") { seccomp = entry.json.text() }
    }

    private mutating func read(propagation node: ConfigurationNode) throws(SkiffError) {
        switch try node.text() {
        case "": break
        case "slave", "rslave": break
        case "private", "rprivate": receivesMounts = false
        case "unbindable", "runbindable": (receivesMounts, propagation) = (false, .unbindable)
        default: throw node.refusal("'\(try node.text())' is not private, slave or unbindable")
        }
    }

    private static func map(_ node: ConfigurationNode?) throws(SkiffError) -> [UserIDMap.Range] {
        try node.list().map { (entry) throws(SkiffError) in
            try entry.check(["containerID", "hostID", "size"])
            return UserIDMap.Range(
                inside: try entry.needed("containerID").id(), outside: try entry.needed("hostID").id(),
                count: UInt32(try entry.needed("size").number(1...Int64(UInt32.max))))
        }
    }

    private mutating func read(namespace node: ConfigurationNode) throws(SkiffError) {
        try node.check(["type", "path"])
        let type = try node.needed("type")
        let known: [String: Namespaces] = [
            "mount": .mount, "user": .user, "pid": .pid, "ipc": .ipc, "uts": .uts, "network": .network,
            "cgroup": .cgroup,
        ]
        guard let kind = known[try type.text()] else {
            throw type.refusal("skiff makes no namespaces of type '\(try type.text())'")
        }
        if namespaces.contains(where: { $0.kind == kind }) { throw type.refusal("it stands twice") }
        let path = try node.member("path")?.text()
        if kind == .mount, path?.isEmpty == false {
            throw node.refusal("the container's mounts need a mount namespace of its own")
        }
        namespaces.append(
            Namespace(kind: kind, path: path.flatMap { $0.isEmpty ? nil : $0 }, name: node.place))
    }

    private static func device(_ node: ConfigurationNode) throws(SkiffError) -> BundleMount {
        try node.check(["type", "path", "major", "minor", "fileMode", "uid", "gid"])
        let type = try node.needed("type")
        guard ["c", "u", "b"].contains(try type.text()) else {
            throw type.refusal("'\(try type.text())' is no device: c, u or b")
        }
        let numbers = 0...Int64(UInt32.max >> 12)
        // With or without the bits of the kind, as stat(2) has them.
        let mode = (try node.member("fileMode")?.number(0...0o177777) ?? 0o666) & 0o7777
        let made = Mount.Node(
            isBlock: try type.text() == "b", major: UInt32(try node.needed("major").number(numbers)),
            minor: UInt32(try node.needed("minor").number(numbers)), mode: UInt32(mode),
            uid: try node.member("uid")?.id() ?? 0, gid: try node.member("gid")?.id() ?? 0)
        return BundleMount(.device(made), at: try node.needed("path").containerPath(), name: node.place)
    }

    private func checkNamespaces(_ top: ConfigurationNode) throws(SkiffError) {
        func has(_ kind: Namespaces) -> Bool { namespaces.contains { $0.kind == kind } }
        func isNew(_ kind: Namespaces) -> Bool { namespaces.contains { $0.kind == kind && $0.path == nil } }
        guard has(.mount) else { throw top.refusal("linux.namespaces has no mount namespace") }
        if isNew(.user) != !(users.isEmpty && groups.isEmpty) || users.isEmpty != groups.isEmpty {
            throw top.refusal("a new user namespace and both of its maps belong together")
        }
        // The names of the host are not the container's to change.
        if hostname != nil || domainName != nil, !isNew(.uts) {
            throw top.refusal("hostname and domainname need a new uts namespace")
        }
        for sysctl in sysctls {
            let isOfNetwork = sysctl.name.hasPrefix("net.")
            let isOfIPC =
                sysctl.name.hasPrefix("fs.mqueue.")
                || [
                    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
                    "kernel.shmmni", "kernel.shm_rmid_forced",
                ].contains(sysctl.name)
            let isOfNames = sysctl.name == "kernel.domainname"
            let isText = sysctl.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
            guard isText, !sysctl.name.contains(".."),
                isOfNetwork && isNew(.network) || isOfIPC && isNew(.ipc) || isOfNames && isNew(.uts)
            else {
                throw top.refusal("linux.sysctl.\(sysctl.name) is not of a namespace that is made for the container")
            }
        }
    }
}
