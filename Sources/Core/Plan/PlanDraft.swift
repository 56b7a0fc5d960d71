package import Base
package import Linux

/// The plan while plugins may still write into it: what they may change, and nothing else. `PlanCheck` closes it.
package struct PlanDraft: Sendable {
    package var mounts: [Mount] = []
    package var layers: [Layer] = []
    /// What binds come out of.
    package var images: [ServedLayer] = []
    package var variables: [VariableChange] = []
    /// Device nodes that a minimal /dev must show, by host path.
    package var devices: [DeviceNode] = []
    package var attributes = ProgramAttributes()
    /// Capabilities that are taken away, with who takes them.
    package var droppedCapabilities: [(number: Int, cause: ProgramAttributes.Cause)] = []
    /// The user's limits, which plugins may only narrow.
    package var limits: [CgroupLimit] = []
    /// Who wants the container to have no other devices than the usual ones and `devices`.
    package var deviceLimit: ProgramAttributes.Cause?
    /// The host name that a plugin gives.
    package var hostname: (name: String, cause: ProgramAttributes.Cause)?
    /// Returns the environment as far as it is decided; slow, so asked only when a plugin asks.
    package var decideEnvironment: (@Sendable (PlanDraft) throws(SkiffError) -> EnvironmentPlan)?
    /// Namespaces that somebody asked for, with the reason.
    package var namespaces: Namespaces = []
    /// A network namespace to live in.
    package var joinedNetwork: JoinedNetwork?
    /// A user namespace in which the container's own is made.
    package var outerUser: OuterUserNamespace?
    /// What plugins have taken on to attach, in order.
    package var networks: [PlannedNetwork] = []
    /// What `--explain` says about decisions that left no other trace.
    package var notes: [PlanNote] = []
    /// What the user is told.
    package var messages: [PlanMessage] = []
    /// Whether somebody has to wait for the container because a plugin has started a helper.
    package var keepsMonitor = false
    /// Whether /dev holds only a few nodes, so that devices must be named; nil until it is decided.
    package var minimalDev: Bool?
    package init() {}

    /// Removes the identity files: root with something writable keeps the image's own passwd and group, which it may
    /// want to change (Docs/spec/runtime.md §2.5).
    mutating func leaveIdentityFiles() {
        mounts.removeAll { mount in
            if case .derived = mount.source { return true }
            return false
        }
    }
}

/// A change of the environment by a plugin: applied after the host's variables and `--env`, before the image's scripts.
package struct VariableChange: Sendable, Equatable {
    package enum Operation: Sendable, Equatable {
        case set(String)
        case prependPath(String)
        case appendPath(String)
        case unset
    }

    package var name: String
    package var operation: Operation
    package var reason: String
    package var origin: String

    package init(name: String, operation: Operation, reason: String, origin: String) {
        (self.name, self.operation, self.reason, self.origin) = (name, operation, reason, origin)
    }
}

package struct DeviceNode: Sendable, Equatable {
    /// `/dev/nvidia0`, on the host.
    package var path: String
    /// Where it appears in the container.
    package var inside: String
    package var missing: Mount.Missing
    /// What the container may do with it, where its devices are limited; nil for a node that there is not.
    package var rule: DeviceRule?
    /// One that is made for the container in place of the host's.
    package var own: Mount.Node?
    package var reason: String
    package var origin: String

    package init(
        path: String, inside: String, missing: Mount.Missing = .warn, rule: DeviceRule? = nil, own: Mount.Node? = nil,
        reason: String, origin: String
    ) {
        self.own = own
        (self.path, self.inside, self.missing, self.reason, self.origin) = (path, inside, missing, reason, origin)
        self.rule = rule
    }
}

package struct PlanNote: Sendable, Equatable {
    package var text: String
    package var origin: String

    package init(_ text: String, origin: String) {
        self.text = text
        self.origin = origin
    }
}

/// The plugins of one launch, as the core sees them: a sequence of phases. `PluginHost` is the only implementation,
/// apart from the empty one. All calls come from one thread; `entered` and `preExec` run in the child.
package protocol PluginPhases: AnyObject {
    /// The plugins that take part, in order, for `--explain` and for the decision whether a monitor must stay.
    var participants: [PluginParticipant] { get }

    /// Flags and settings are read, combinations rejected; nothing is touched.
    func configure() throws(SkiffError)
    /// The host is looked at; namespaces and helpers are asked for.
    func prepare(_ draft: inout PlanDraft) throws(SkiffError)
    /// Mounts and layers are added.
    func mounts(_ draft: inout PlanDraft) throws(SkiffError)
    /// Variables are added.
    func environment(_ draft: inout PlanDraft) throws(SkiffError)
    /// Says which plugin would serve the image of a layer, or would recover what the kernel mounts; nil for none. Nothing
    /// is started or changed.
    func service(for image: ServedLayer, byKernel: Bool) throws(SkiffError) -> LayerService?
    /// In the parent, with the image locked: makes the file system fit to be mounted.
    func recover(_ image: ServedLayer) throws(SkiffError)
    /// In the parent, while the child waits: starts the server.
    func serve(_ image: ServedLayer, fuse: Int32, _ place: ContainerPlace) throws(SkiffError)
    /// In the parent, when the container has ended: waits for the ends of servers.
    /// - Parameter isInUse: whether processes of the container live on.
    func waitForServers(isInUse: () -> Bool) throws(SkiffError)
    /// In the parent, before there is a child: has a plugin open an encrypted image, with the key that the user has.
    /// - Parameters:
    ///   - path: of the image, for messages.
    ///   - file: the image, lent.
    func unlock(_ volume: EncryptedVolume, of path: String, file: Int32) throws(SkiffError) -> UnlockedVolume
    /// In the parent, after that: what the kernel needs to decrypt the image.
    /// - Parameter use: gets it, once.
    /// - Returns: false when the kernel cannot.
    func describe(
        _ volume: EncryptedVolume, _ unlocked: UnlockedVolume, of path: String, file: Int32,
        to use: (CryptTable) throws(SkiffError) -> Void
    ) throws(SkiffError) -> Bool
    /// In the child, just inside its namespaces.
    func entered() throws(SkiffError)
    /// In the child, when the root is assembled, before privileges drop.
    func preExec() throws(SkiffError)
    /// A descriptor over which the child's plugins send messages to the parent; set in the child.
    var messageLink: Int32? { get set }
    /// In the parent, while the child waits: its namespaces exist and are empty.
    func created(_ place: ContainerPlace) throws(SkiffError)
    /// In the parent, after that: attaches the networks of the plan, in order. They are detached by `stopped`.
    /// - Returns: what they have told.
    func attach(_ place: ContainerPlace) throws(SkiffError) -> [NetworkResult]
    /// In the parent, for each message of the child, when the program runs.
    func received(_ message: [UInt8]) throws(SkiffError)
    /// In the parent, when the program runs. A failure ends the container.
    func running(_ place: ContainerPlace) throws(SkiffError)
    /// In the parent of a program that is to enter an instance; nothing has entered yet. A failure ends the command.
    func joining(_ place: ContainerPlace) throws(SkiffError)
    /// In a keeper that has cut itself off from its caller: it may hold nothing of him any more.
    func callerIsLeft()
    /// In the parent, when the program runs. A failure is a warning.
    func started(pid: Int32, pidfd: Int32)
    /// In the parent, when the container is gone or the launch failed; undoes what `prepare` did, in reverse order.
    /// - Parameter status: as a shell counts it, 128 + n for a signal.
    func stopped(status: Int32)
}

package struct PluginParticipant: Sendable, Equatable {
    package let id: String
    package let version: String
    /// Why it was loaded: `--nv`, `image has an encrypted root`.
    package let trigger: String
    /// The phases that it has; `stopped` keeps a monitor.
    package let phases: [PluginPhase]
    /// Whether the container's first process waits for it.
    package let holdsStart: Bool
    /// Whether it is asked when another program enters an instance that it took part in.
    package let isAskedToJoin: Bool

    package init(
        id: String, version: String, trigger: String, phases: [PluginPhase], holdsStart: Bool = false,
        isAskedToJoin: Bool = false
    ) {
        (self.id, self.version, self.trigger, self.phases) = (id, version, trigger, phases)
        (self.holdsStart, self.isAskedToJoin) = (holdsStart, isAskedToJoin)
    }

    /// Whether somebody has to wait for the container.
    var keepsMonitor: Bool { holdsStart || phases.contains(.started) || phases.contains(.stopped) }
}

/// For plugins that serve nothing.
extension PluginPhases {
    package func service(for image: ServedLayer, byKernel: Bool) throws(SkiffError) -> LayerService? { nil }
    package func joining(_ place: ContainerPlace) throws(SkiffError) {}
    package func recover(_ image: ServedLayer) throws(SkiffError) {}
    package func serve(_ image: ServedLayer, fuse: Int32, _ place: ContainerPlace) throws(SkiffError) {}
    package func waitForServers(isInUse: () -> Bool) throws(SkiffError) {}
    package func unlock(_ volume: EncryptedVolume, of path: String, file: Int32) throws(SkiffError) -> UnlockedVolume {
        throw EncryptedVolume.unserved(path)
    }
    package func describe(
        _ volume: EncryptedVolume, _ unlocked: UnlockedVolume, of path: String, file: Int32,
        to use: (CryptTable) throws(SkiffError) -> Void
    ) throws(SkiffError) -> Bool { false }
}

/// For plugins that do not hold the start.
extension PluginPhases {
    package var messageLink: Int32? {
        get { nil }
        set {}
    }
    package func created(_ place: ContainerPlace) throws(SkiffError) {}
    package func attach(_ place: ContainerPlace) throws(SkiffError) -> [NetworkResult] { [] }
    package func received(_ message: [UInt8]) throws(SkiffError) {}
    package func running(_ place: ContainerPlace) throws(SkiffError) {}
    package func callerIsLeft() {}
}

/// A container that exists: its first process and its own namespaces, by descriptors that are lent.
package struct ContainerPlace: Sendable {
    package var pid: Int32
    package var pidfd: Int32
    /// Nil for a kind of which the container has none of its own.
    package var user: Int32?
    package var network: Int32?
    package var ipc: Int32?
    package var uts: Int32?
    package var pidNamespace: Int32?

    package init(
        pid: Int32, pidfd: Int32, user: Int32? = nil, network: Int32? = nil, ipc: Int32? = nil, uts: Int32? = nil,
        pidNamespace: Int32? = nil
    ) {
        (self.pid, self.pidfd, self.user, self.network) = (pid, pidfd, user, network)
        (self.ipc, self.uts, self.pidNamespace) = (ipc, uts, pidNamespace)
    }
}

/// No plugin at all: the ordinary start.
package final class NoPlugins: PluginPhases {
    package init() {}
    package var participants: [PluginParticipant] { [] }
    package func configure() throws(SkiffError) {}
    package func prepare(_ draft: inout PlanDraft) throws(SkiffError) {}
    package func mounts(_ draft: inout PlanDraft) throws(SkiffError) {}
    package func environment(_ draft: inout PlanDraft) throws(SkiffError) {}
    package func entered() throws(SkiffError) {}
    package func preExec() throws(SkiffError) {}
    package func started(pid: Int32, pidfd: Int32) {}
    package func stopped(status: Int32) {}
}
