package import Base
import Linux

/// Turns a request into a plan: the core fills a draft, the plugins add to it, `PlanCheck` closes it. Looks at nothing:
/// what it must know about the host and the image is in the facts (`HostFacts.look(for:)`).
package struct PlanBuilder {
    let request: Request
    let settings: Settings
    let host: HostFacts
    let image: ImageFacts
    let plugins: any PluginPhases
    /// What the host offers a caller who wants to be root and is not.
    let capability: RootCapability?
    /// The images that binds come out of.
    let images: BoundImages
    /// What was found out before planning and the plan must report.
    let messages: [PlanMessage]

    package init(
        request: Request, settings: Settings, host: HostFacts, image: ImageFacts, plugins: any PluginPhases,
        capability: RootCapability? = nil, images: BoundImages = BoundImages(), messages: [PlanMessage] = []
    ) {
        self.images = images
        self.capability = capability
        self.messages = messages
        self.request = request
        self.settings = settings
        self.host = host
        self.image = image
        self.plugins = plugins
    }

    package func build() throws(SkiffError) -> Plan {
        let directives = DirectiveChecks(request: request, settings: settings, host: host)
        try directives.check()
        try checkWorkDirectory()
        try plugins.configure()
        var draft = PlanDraft()
        draft.messages = messages
        draft.limits = request.limits
        draft.namespaces = namespaces(&draft)
        if request.instance != nil && !draft.namespaces.contains(.pid) {
            throw SkiffError(
                "cannot start an instance: skiff.conf says allow pid ns = no, and its processes end with one")
        }
        if let path = request.networkPath {
            draft.joinedNetwork = JoinedNetwork(.path(path), reason: "--netns-path")
        }
        try plugins.prepare(&draft)
        try directives.check(draft.namespaces)
        var home = try HomeDirectory(request: request, settings: settings, host: host)
        try checkScratch()
        if request.writable && !image.isInSIF { home.stageBase(image) }
        if let message = home.message { draft.messages.append(message) }
        var defaults = defaultMounts(draft, home)
        draft.minimalDev = defaults.hasMinimalDev
        // Copies all that is known of the host: nobody else asks.
        if !plugins.participants.isEmpty { draft.decideEnvironment = environment(home: home.destination) }
        draft.mounts = defaults.mounts() + recordFiles
        draft.messages += defaults.messages
        try plugins.mounts(&draft)
        try directives.check(draft)
        let binds = userBinds(&draft)
        try chooseDrivers(&draft)
        if insideUID == 0 && draft.layers.contains(where: \.isWritable) { draft.leaveIdentityFiles() }
        if draft.minimalDev == true { draft.mounts += deviceMounts(draft.devices) }
        draft.mounts += binds
        try plugins.environment(&draft)
        return try close(&draft, home, directives)
    }

    /// Returns what the environment is with what a draft has, for plugins that ask.
    private func environment(home: String) -> @Sendable (PlanDraft) throws(SkiffError) -> EnvironmentPlan {
        { [request, host, image] draft throws(SkiffError) in
            let facts = EnvironmentFacts(
                container: image.path, home: home, binds: request.bindDestinations(draft.mounts),
                changes: draft.variables)
            return try EnvironmentPlan.make(request, host: host.environment, facts: facts)
        }
    }

    /// What `--workdir` holds is made, but not the directory itself: a wrong path is an error, not a new directory.
    private func checkWorkDirectory() throws(SkiffError) {
        guard let path = request.workDirectory(in: host.directory) else { return }
        switch host.workDirectory {
        case .directory: return
        case .other: throw SkiffError("cannot use work directory \(path): not a directory")
        case .absent(let reason): throw SkiffError("cannot use work directory \(path)", errno: reason)
        }
    }

    /// What a foreign image says about itself, in the places where a build would have put it.
    private var recordFiles: [Mount] {
        image.recordFiles.map { file in
            Mount(
                .files, .file(file.bytes, mode: file.mode), at: file.path, attributes: [.noSuid, .noDev],
                reason: "the image's format")
        }
    }

    /// Refuses a relative `--scratch`, with Apptainer's text.
    private func checkScratch() throws(SkiffError) {
        guard settings.userBindControl, let relative = request.scratch.first(where: { !$0.hasPrefix("/") }) else {
            return
        }
        let place = "scratch" + absolutePath(relative, in: "/")
        throw SkiffError(
            "container creation failed: could not bind scratch directory "
                + (request.workdir.map { absolutePath($0 + "/" + place, in: host.directory) } ?? place)
                + " into container: destination must be an absolute path")
    }

    // MARK: namespaces and users

    private func namespaces(_ draft: inout PlanDraft) -> Namespaces {
        var result: Namespaces = [.mount]
        func want(_ asked: Bool, _ namespace: Namespaces, _ allowed: Bool, _ name: String) {
            guard asked else { return }
            if allowed {
                result.insert(namespace)
            } else {
                draft.messages.append(
                    .warning("Not creating a new \(name) namespace: not allowed by the configuration"))
            }
        }
        want(request.newPID, .pid, settings.allowPIDNamespace, "PID")
        want(request.newIPC, .ipc, settings.allowIPCNamespace, "IPC")
        want(request.newUTS || request.hostname != nil, .uts, settings.allowUTSNamespace, "UTS")
        want(request.newNetwork || request.networkPath != nil, .network, true, "network")
        return result
    }

    private var user: UserNamespace {
        guard request.makesUserNamespace(host) else { return .none }
        switch request.userMapping {
        case .root:
            if rootMode == .ranges, let ranges = capability?.ranges {
                return .ranges(ranges, uid: host.uid, gid: host.gid)
            }
            return .new(uid: IDMap(inside: 0, outside: host.uid), gid: IDMap(inside: 0, outside: host.gid))
        case .automatic, .userNamespace, .inherited:
            return .new(
                uid: IDMap(inside: host.uid, outside: host.uid), gid: IDMap(inside: host.gid, outside: host.gid))
        }
    }

    /// A user namespace with one id knows no other owner: files of root would belong to nobody, and an overlay above
    /// them could not be written. The server says instead that all files belong to the caller, as Apptainer's does.
    var onlyOwner: FileOwner? {
        guard case .new(let uid, let gid) = user else { return nil }
        return FileOwner(uid: uid.inside, gid: gid.inside)
    }

    private var insideUID: UInt32 {
        switch user {
        case .new(let uid, _): uid.inside
        case .ranges: 0
        case .none: host.uid
        }
    }

    private var rootMode: RootMode? {
        switch request.userMapping {
        case .inherited: return request.inheritedRoot?.mode
        case .root where host.uid != 0 || capability?.isSoleRoot == true:
            return capability?.mode(
                ignoreRanges: request.ignoreSubuid, ignoreListeners: request.ignoreFakerootCommand,
                keepsOwners: image.keepsOwners)
        default: return nil
        }
    }

    private func rootEmulation() -> RootEmulation? {
        guard let rootMode else { return nil }
        let held = request.inheritedRoot?.supervisor
        let scope: SupervisorMessage = request.userMapping == .inherited ? .listenOnEverything : .listenOnRoot
        let supervisor: RootEmulation.Supervisor = held.map { .held($0) } ?? .own
        return switch rootMode {
        case .supervised:
            RootEmulation(mode: rootMode, filter: .supervised(), supervisor: supervisor, scope: scope)
        case .faked: RootEmulation(mode: rootMode, filter: .faked(), supervisor: .none, scope: scope)
        case .ranges where capability?.hasListeners ?? (held != nil):
            RootEmulation(mode: rootMode, filter: .devices(), supervisor: supervisor, scope: scope)
        case .ranges: nil
        }
    }

    private func privileges(_ draft: inout PlanDraft) throws(SkiffError) -> Privileges {
        for (given, flag) in [(request.keepPrivileges, "--keep-privs"), (request.allowSetuid, "--allow-setuid")]
        where given && insideUID != 0 {
            throw SkiffError("\(flag) requires root privileges")
        }
        let options = request.security
        let target = try target(options)
        let all = Capability.everything
        var kept = try startingCapabilities(hasTarget: target != nil)
        let added = Capability.set(of: request.addCapabilities, all: all)
        let dropped = Capability.set(of: request.dropCapabilities, all: all)
        draft.messages += (added.unknown + dropped.unknown).map { .warning("Skipping unknown capability: \($0)") }
        kept = (kept | added.bits) & ~dropped.bits
        for dropped in draft.droppedCapabilities { kept &= ~(1 << UInt64(dropped.number)) }
        var privileges = Privileges(
            noNewPrivileges: host.uid != 0 || rootMode != nil || kept == 0 || target != nil, capabilities: kept,
            allowSetuid: request.allowSetuid)
        privileges.user = request.programUser
        privileges.target = target
        privileges.label = try label(options)
        return privileges
    }

    /// The ids of `--security uid:` and `gid:`. A user namespace of one id has no other; an emulation of root would only say
    /// that it has.
    private func target(_ options: SecurityOptions) throws(SkiffError) -> ProgramUser? {
        guard options.changesUser else { return nil }
        let hasIDs: Bool
        switch user {
        case .none: hasIDs = host.uid == 0
        case .ranges: hasIDs = true
        case .new: hasIDs = false
        }
        guard hasIDs else {
            throw SkiffError(
                "cannot run as another user or group (--security uid:, gid:): "
                    + (host.uid == 0
                        ? "the user namespace of the container has one id" : "it requires root privileges"),
                hint: host.uid == 0 ? "Leave out --userns and --fakeroot" : nil)
        }
        let gid = options.gids.first ?? (user == .none ? host.gid : 0)
        return ProgramUser(uid: options.uid ?? insideUID, gid: gid, groups: options.gids)
    }

    private func label(_ options: SecurityOptions) throws(SkiffError) -> SecurityLabel? {
        guard let label = options.label else { return nil }
        guard host.hasLabels else {
            throw SkiffError(
                "failed to apply security configuration: \(label.module) requested, but is not enabled or supported on this "
                    + "system")
        }
        return label
    }

    /// `root default capabilities` is about root of the host; in a user namespace root starts from all.
    private func startingCapabilities(hasTarget: Bool) throws(SkiffError) -> UInt64 {
        if insideUID != 0 || request.noPrivileges { return 0 }
        if request.keepPrivileges { return Capability.everything }
        if hasTarget { return 0 }
        if user != .none { return Capability.everything }
        switch settings.rootCapabilities {
        case .full: return Capability.everything
        case .no: return 0
        case .file:
            if host.capabilityFile == .absent(.noSuchFile) { return 0 }
            guard let granted = host.grantedCapabilities else {
                throw SkiffError(
                    "cannot read the capabilities of root from capability.json (root default capabilities = file)",
                    hint: "Name them with --add-caps, or say --no-privs")
            }
            return granted
        }
    }

    // MARK: mounts

    private func defaultMounts(_ draft: PlanDraft, _ home: HomeDirectory) -> DefaultMounts {
        DefaultMounts(
            request: request, settings: settings, host: host, home: home, namespaces: draft.namespaces,
            inUserNamespace: user != .none || !host.isInitialUserNamespace,
            keepsIdentityFiles: insideUID == 0 && request.writable)
    }

    private func deviceMounts(_ devices: [DeviceNode]) -> [Mount] {
        devices.map {
            Mount(
                .dev, $0.own.map { .node($0) } ?? .bind($0.path), at: $0.inside, missing: $0.missing, reason: $0.reason,
                origin: $0.origin)
        }
    }

    /// Returns the user's binds sorted by depth, then length, so that a bind into another bind comes after it.
    private func userBinds(_ draft: inout PlanDraft) -> [Mount] {
        if !request.binds.isEmpty && !settings.userBindControl {
            draft.messages.append(
                .warning("Ignoring user bind request: user bind control disabled by system administrator"))
            return []
        }
        // Compared by bytes: to Swift, two texts that Unicode calls equivalent are equal.
        var seen: Set<[UInt8]> = []
        var kept: [Request.Bind] = []
        for bind in request.binds {
            if seen.insert(bind.destination.bytes).inserted {
                kept.append(bind)
            } else {
                draft.messages.append(
                    .warning(
                        "While bind mounting '\(bind.source):\(bind.destination)': destination is already in the mount "
                            + "point list"))
            }
        }
        func depth(_ path: String) -> Int { path.utf8.count { $0 == 0x2F } }
        let ordered = kept.sorted { left, right in
            let (a, b) = (depth(left.destination), depth(right.destination))
            return a == b ? left.destination.utf8.count < right.destination.utf8.count : a < b
        }
        return ordered.map { bind in
            let source = source(of: bind, &draft)
            var attributes: MountAttributes = [.noSuid]
            // A device that the user binds by name is meant to work.
            if bind.part != nil || !isPath(bind.source, within: "/dev") { attributes.insert(.noDev) }
            if bind.readOnly { attributes.insert(.readOnly) }
            var mount = Mount(
                .userBinds, source, at: bind.destination, attributes: attributes, reason: "--bind")
            mount.isAsked = true
            return mount
        }
    }

    private func source(of bind: Request.Bind, _ draft: inout PlanDraft) -> Mount.Source {
        guard let part = bind.part, let image = images.image(of: bind) else { return .bind(bind.source) }
        let index = draft.images.firstIndex(of: image) ?? draft.images.count
        if index == draft.images.count { draft.images.append(image) }
        return .image(index, path: part.path)
    }

    // MARK: closing

    private func close(_ draft: inout PlanDraft, _ home: HomeDirectory, _ directives: DirectiveChecks)
        throws(SkiffError) -> Plan
    {
        let root = try rootImage(draft)
        draft.messages += directives.messages(draft, root)
        let container = root.driver == .extracted ? root.directory : image.path
        let facts = EnvironmentFacts(
            container: container, home: home.destination,
            binds: request.bindDestinations(draft.mounts), instance: request.instance,
            changes: draft.variables)
        let environment = try EnvironmentPlan.make(request, host: host.environment, facts: facts)
        if settings.shadowNotice, let notice = ShadowNotice(environment, libraries: host.homeLibraries) {
            // Scripts compare what a command writes: only who sits at a terminal is told, and who asks for the plan.
            if host.hasReader {
                draft.messages.append(.info(notice.text))
            } else {
                draft.notes.append(PlanNote(notice.text, origin: "core"))
            }
        }
        if let notice = StepNotice(host.environment) { draft.messages.append(.info(notice.text)) }
        let privileges = try privileges(&draft)
        let emulation = rootEmulation()
        if let emulation, let capability {
            draft.messages.append(.info(capability.notice(emulation.mode, ignoredRanges: request.ignoreSubuid)))
        }
        var plan = Plan(
            action: request.action, arguments: request.arguments, image: root, layers: draft.layers,
            mounts: draft.mounts.inOrder(),
            namespaces: draft.namespaces, user: user, root: emulation, privileges: privileges,
            directory: startDirectory(home),
            umask: request.noUmask ? 0o022 : host.umask,
            hostname: draft.namespaces.contains(.uts) ? request.hostname ?? draft.hostname?.name : nil,
            session: sessionFilesystem,
            process: processModel(draft, root), plugins: plugins.participants, notes: draft.notes,
            messages: draft.messages, environment: environment, attributes: draft.attributes)
        (plan.joinedNetwork, plan.outerUser, plan.networks) = (draft.joinedNetwork, draft.outerUser, draft.networks)
        plan.images = draft.images
        plan.cgroup = try cgroup(draft)
        if request.instance == nil && plan.cgroup == nil {
            plan.sharing = plan.sharing(among: host.siblings, isAsked: request.sharesContainer)
        }
        return try PlanCheck(plan).closed()
    }

    /// An instance has a cgroup for `instance stats` where one can be had.
    private func cgroup(_ draft: PlanDraft) throws(SkiffError) -> PlannedCgroup? {
        let limits = draft.allLimits
        if limits.isEmpty { return request.instance == nil ? nil : PlannedCgroup(countingOn: host.cgroups()) }
        if request.sharesContainer {
            throw SkiffError(
                "cannot limit a container that processes share (\(limits[0].cause.text))",
                hint: "Leave out --sharens, or limit the process that starts them all")
        }
        return try PlannedCgroup(limits, on: host.cgroups())
    }

    private var sessionFilesystem: SessionFilesystem {
        // A caller who is root in the container installs software there, as root of the host does.
        let isRoot = host.uid == 0 || request.userMapping == .root
        let isLimited = !isRoot && settings.memoryFilesystem == .tmpfs
        return SessionFilesystem(
            type: settings.memoryFilesystem, size: isLimited ? Int64(settings.sessionSizeMiB) << 20 : nil,
            receivesMounts: settings.mountSlave)
    }

    private func startDirectory(_ home: HomeDirectory) -> StartDirectory {
        if let directory = request.directory { return .required(directory) }
        if request.contain { return .preferred([home.destination, "/"]) }
        if request.buildConfiguration { return .preferred(["/"]) }
        return .preferred([host.directory, home.destination, "/"])
    }

    private func processModel(_ draft: PlanDraft, _ root: RootImage) -> ProcessModel {
        if draft.namespaces.contains(.pid) { return request.noInit && request.instance == nil ? .monitored : .shim }
        if !draft.limits.isEmpty || draft.deviceLimit != nil { return .monitored }
        let watched =
            draft.keepsMonitor || draft.outerUser != nil
            || (draft.layers.compactMap(\.served) + draft.images).contains(where: \.hasServer)
            || plugins.participants.contains(where: \.keepsMonitor)
        // Ranges are mapped from outside, and a supervisor of its own ends with the container.
        if case .ranges = user { return .monitored }
        if rootMode == .supervised && request.inheritedRoot?.supervisor == nil { return .monitored }
        return watched || ![.directory, .loop].contains(root.driver) ? .monitored : .inPlace
    }

    private func rootImage(_ draft: PlanDraft) throws(SkiffError) -> RootImage {
        let targets = missingTargets(draft)
        let writes = writesRoot(draft)
        func root(_ driver: RootImage.Driver, directory: String = "") -> RootImage {
            RootImage(
                path: image.path, driver: driver, directory: directory, filesystem: image.root, range: image.range,
                writable: writes, isSynchronous: writes && settings.syncWritableExtfs,
                loopLimit: settings.maxLoopDevices, owner: driver == .server ? onlyOwner : nil, targets: targets,
                encryption: image.encryption)
        }
        if writes { try checkWriting(host.canMountImages && user == .none) }
        let driver = RootImage.Driver(for: image, request, settings, host)
        if image.encryption != nil && driver == .server && !host.hasFuse {
            throw SkiffError(
                "cannot run \(image.path): it is encrypted, and is decrypted by a server that needs /dev/fuse",
                hint: "Load the kernel's module fuse, or give the container that skiff runs in the device")
        }
        return switch driver {
        case .directory: root(driver, directory: image.path)
        case .loop, .deviceMapper, .server: root(driver)
        case .extracted: root(driver, directory: Extraction.newDirectory(request, host))
        }
    }

    /// Refuses an image that cannot be written: directories and ext3 files can, the latter only by the kernel.
    private func checkWriting(_ kernelMounts: Bool) throws(SkiffError) {
        let path = image.path
        let reason: String
        if image.isInSIF {
            reason = "no SIF writable overlay partition found in \(path)"
        } else if image.root == .squashfs {
            reason = "could not set \(path) image writable: squashfs is a read-only filesystem"
        } else if !image.isWritable {
            throw SkiffError("could not use \(path) for writing, you don't have write permissions")
        } else if image.root == .ext3 && !settings.allowKernelExtfs {
            throw SkiffError(
                "could not use \(path) for writing: only the kernel writes ext3, and skiff.conf says allow kernel extfs = no",
                hint: "Use --writable-tmpfs for changes that may be lost, or a sandbox directory")
        } else if image.root == .ext3 && (!kernelMounts || request.unsquash) {
            reason = "could not use \(path) for writing: an ext3 image is written by the kernel, for root only"
        } else {
            return
        }
        throw SkiffError(reason, hint: "Use --writable-tmpfs for changes that may be lost, or a sandbox directory")
    }

    private func missingTargets(_ draft: PlanDraft) -> MissingTargets {
        if writesRoot(draft) { return .none }
        let preferUnderlay = request.underlay || settings.enableUnderlay == .preferred || settings.enableOverlay == .no
        if !draft.layers.isEmpty || !preferUnderlay { return .overlay }
        return settings.enableUnderlay == .no ? .none : .underlay
    }
}

extension RootImage.Driver {
    /// Chooses how an image is mounted: by the kernel for root where the configuration trusts it with the bytes, by the
    /// image server for everybody who has /dev/fuse, and otherwise it is extracted.
    init(for image: ImageFacts, _ request: Request, _ settings: Settings, _ host: HostFacts) {
        if image.root == .directory {
            self = .directory
        } else if let encryption = image.encryption {
            let kernel = encryption.isKernels && host.hasCrypt && Self.kernelMounts(image, request, settings, host)
            self = kernel ? .deviceMapper : .server
        } else if request.unsquash {
            self = .extracted
        } else if Self.kernelMounts(image, request, settings, host) {
            self = .loop
        } else {
            // The image server speaks squashfs; ext3 is unpacked for those who cannot have the kernel mount it.
            self = host.hasFuse && image.root == .squashfs ? .server : .extracted
        }
    }

    /// Whether the configuration trusts the kernel with the image, and the kernel mounts images for this caller.
    static func kernelMounts(
        _ image: ImageFacts, _ request: Request, _ settings: Settings, _ host: HostFacts
    ) -> Bool {
        let isTrusted = image.root == .squashfs ? settings.allowKernelSquashfs : settings.allowKernelExtfs
        return isTrusted && host.canMountImages && !request.makesUserNamespace(host)
    }
}

extension Request {
    /// Whether the container gets a user namespace of its own.
    package func makesUserNamespace(_ host: HostFacts) -> Bool {
        switch userMapping {
        case .inherited: false
        case .root, .automatic: host.uid != 0 || !host.isAdministrator
        case .userNamespace: true
        }
    }

    /// Returns the destinations of the binds that are mounted, in the caller's order.
    func bindDestinations(_ mounts: [Mount]) -> [String] {
        let mounted = Set(mounts.filter { $0.group == .userBinds }.map(\.destination.bytes))
        var seen: Set<[UInt8]> = []
        return binds.filter(\.isNested).map(\.destination).filter {
            mounted.contains($0.bytes) && seen.insert($0.bytes).inserted
        }
    }

    /// `--workdir` made absolute, where something is put into it.
    func workDirectory(in directory: String) -> String? {
        guard let workdir, contain || !scratch.isEmpty else { return nil }
        return absolutePath(workdir, in: directory)
    }
}
