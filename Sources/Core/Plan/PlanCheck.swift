import Base
import Linux

/// Closes a draft: what plugins, users and images put in is checked like any input, because the child executes it without
/// asking again.
struct PlanCheck {
    private let plan: Plan

    init(_ plan: Plan) { self.plan = plan }

    func closed() throws(SkiffError) -> Plan {
        for mount in plan.mounts { try check(mount) }
        let writable = plan.layers.filter { $0.isWritable }
        if writable.count > 1 {
            throw SkiffError(
                "cannot use \(writable.count) writable overlays: only one is possible",
                hint: "Append :ro to all but one (\(writable.map(\.reason).joined(separator: ", ")))")
        }
        if plan.image.writable && !plan.layers.isEmpty {
            throw SkiffError("cannot use an overlay together with --writable: the image itself is written to")
        }
        // A byte says which one a server is for; see `LayerGate`.
        guard plan.served.count <= 256 else {
            throw SkiffError("cannot use more than 256 images and layers at once")
        }
        for layer in plan.layers { try check(layer) }
        for sysctl in plan.attributes.sysctls { try check(sysctl) }
        try checkNetworks()
        return plan
    }

    private func check(_ mount: Mount) throws(SkiffError) {
        let path = mount.destination
        // By bytes: to Swift, a slash with a combining mark is no slash.
        guard path.utf8.first == ASCII.slash, absolutePath(path, in: "/").utf8.elementsEqual(path.utf8), isText(path)
        else {
            throw refusal(
                mount.origin, "mount on \(path)",
                "the destination must be an absolute path, without '.', '..' and needless slashes")
        }
        if let reason = OwnPlaces.refusal(of: mount, at: path) {
            throw refusal(mount.origin, "mount on \(path)", reason)
        }
        guard path != "/" else {
            throw refusal(mount.origin, "mount on /", "the root file system is the image's")
        }
        switch mount.source {
        case .bind(let source), .made(let source, _):
            guard source.hasPrefix("/"), isText(source) else {
                throw refusal(mount.origin, "bind \(source)", "the source must be an absolute path")
            }
        case .filesystem(let type, let options):
            guard ["tmpfs", "ramfs", "proc", "sysfs", "mqueue", "devpts"].contains(type),
                options.allSatisfy({ !$0.isEmpty })
            else {
                throw refusal(
                    mount.origin, "mount a file system of type \(type)",
                    "only tmpfs, ramfs and the kernel's own are known")
            }
        case .symlink(let target):
            guard !target.isEmpty, isText(target) else {
                throw refusal(mount.origin, "link \(path)", "the target must be a text")
            }
        case .image(let index, let inside):
            guard mount.origin == "core", plan.images.indices.contains(index), isText(inside) else {
                throw refusal(mount.origin, "mount on \(path)", "the image that it comes from is not here")
            }
        case .session, .file, .derived, .node: break
        }
    }

    private func checkNetworks() throws(SkiffError) {
        if plan.sharing != nil, let network = plan.networks.first {
            throw SkiffError(
                "cannot attach network \(network.name): a container that several processes share has no end of its own",
                hint: "Leave out --sharens, or use --network none")
        }
        if let outer = plan.outerUser {
            // Who shares it finds it by what it is made of, and a descriptor says nothing of that.
            guard plan.user != .none, plan.sharing == nil else {
                throw refusal(
                    outer.origin, "nest the container's user namespace (\(outer.reason))",
                    plan.user == .none ? "the container has none of its own" : "processes share the container")
            }
        }
        guard let joined = plan.joinedNetwork else { return }
        // It belongs to another user namespace, in which the container has no powers, but one around both may have; setns(2).
        guard plan.user == .none || plan.outerUser != nil && joined.path == nil else {
            throw refusal(
                joined.origin, "join a network namespace (\(joined.reason))",
                "that needs root, and a container without a user namespace of its own")
        }
    }

    /// Only what belongs to a namespace of the container's own may be changed; namespaces(7).
    private func check(_ sysctl: ProgramAttributes.Sysctl) throws(SkiffError) {
        let names = sysctl.path.split(separator: "/", omittingEmptySubsequences: false)
        let isName = names.count > 1 && names.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
        func belongs(to namespace: Namespaces) -> Bool { plan.namespaces.contains(namespace) }
        let isOwn =
            switch sysctl.path {
            case _ where names.first == "net": plan.hasOwnNetwork
            case _ where sysctl.path.hasPrefix("fs/mqueue/"): belongs(to: .ipc)
            case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
                "kernel/shmmni", "kernel/shm_rmid_forced":
                belongs(to: .ipc)
            case "kernel/domainname": belongs(to: .uts)
            default: false
            }
        guard isName, isOwn, isText(sysctl.value) else {
            throw refusal(
                sysctl.cause.origin, "set \(sysctl.name)",
                "it belongs to no namespace that the container has of its own")
        }
    }

    private func check(_ layer: Layer) throws(SkiffError) {
        switch layer.kind {
        case .lower(let path):
            guard path.hasPrefix("/"), isText(path) else {
                throw refusal(layer.origin, "use \(path) as a layer", "the path must be absolute")
            }
        case .upper(let upper, let work):
            let same = upper.hasPrefix("/") && upper != work && parent(upper) == parent(work)
            guard same, isText(upper), isText(work) else {
                throw refusal(
                    layer.origin, "use \(upper) as a writable layer",
                    "upper and work directory must be two directories of one absolute parent")
            }
        case .temporaryUpper: break
        case .served(let image): try check(image, of: layer)
        }
    }

    private func check(_ image: ServedLayer, of layer: Layer) throws(SkiffError) {
        let names = [image.directory, image.work].compactMap { $0 }
        guard
            names.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(ASCII.slash) && isText($0) }
            ),
            !image.isWritable || names.count == 2, names.count < 2 || names[0] != names[1]
        else {
            throw refusal(
                layer.origin, "use \(image.path) as a layer", "path and work must be two names of directories in it")
        }
        if image.isWritable, case .plugin(let service)? = image.driver, !service.isUpper {
            throw refusal(
                layer.origin, "write to \(image.path)", "overlayfs cannot write to what \(service.server) serves")
        }
    }

    private func parent(_ path: String) -> Substring { path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
    private func isText(_ path: String) -> Bool { !path.utf8.contains(0) }

    private func refusal(_ origin: String, _ what: String, _ reason: String) -> SkiffError {
        SkiffError("\(OwnPlaces.prefix(origin))cannot \(what): \(reason)")
    }
}
