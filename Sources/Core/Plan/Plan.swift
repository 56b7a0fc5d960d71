package import Linux

/// Everything that one launch will do, decided before the first side effect. `--explain` prints this value and
/// `Launch` executes it; nothing else reaches the child.
package struct Plan: Sendable {
    package var action: Request.Action
    /// The program and its arguments, or the arguments of the image's script.
    package var arguments: [[UInt8]]
    package var image: RootImage
    /// Above the image, lowest first; not empty means that the root is an overlay.
    package var layers: [Layer]
    package var mounts: [Mount]
    /// What mounts come out of.
    package var images: [ServedLayer] = []
    package var namespaces: Namespaces
    /// The network namespace, where the container gets no new one.
    package var joinedNetwork: JoinedNetwork?
    /// The user namespace in which the container's own is made, where that is not the caller's.
    package var outerUser: OuterUserNamespace?
    /// What plugins attach, in order.
    package var networks: [PlannedNetwork] = []
    package var user: UserNamespace
    /// Nil for a container whose root is real, or that has none.
    package var root: RootEmulation?
    package var privileges: Privileges
    package var directory: StartDirectory
    package var umask: UInt32
    package var hostname: String?
    package var session: SessionFilesystem
    package var process: ProcessModel
    /// Nil for a container that nothing limits.
    package var cgroup: PlannedCgroup?
    /// Nil for a container of its own.
    package var sharing: Sharing?
    /// Nil unless the container stays under a name.
    package var instance: PlannedInstance?
    package var plugins: [PluginParticipant]
    package var notes: [PlanNote]
    /// What the user is told, apart from what the environment says.
    package var messages: [PlanMessage]
    package var environment: EnvironmentPlan
    package var attributes: ProgramAttributes
    /// Nil for a container that is made of an image.
    package var bundle: PlannedBundle?

    package init(
        action: Request.Action, arguments: [[UInt8]], image: RootImage, layers: [Layer], mounts: [Mount],
        namespaces: Namespaces,
        user: UserNamespace, root: RootEmulation?, privileges: Privileges, directory: StartDirectory, umask: UInt32,
        hostname: String?,
        session: SessionFilesystem, process: ProcessModel, plugins: [PluginParticipant], notes: [PlanNote],
        messages: [PlanMessage] = [], environment: EnvironmentPlan, attributes: ProgramAttributes = .init()
    ) {
        self.action = action
        self.arguments = arguments
        self.image = image
        self.layers = layers
        self.mounts = mounts
        self.namespaces = namespaces
        self.user = user
        self.root = root
        self.privileges = privileges
        self.directory = directory
        self.umask = umask
        self.hostname = hostname
        self.session = session
        self.process = process
        self.plugins = plugins
        self.notes = notes
        self.messages = messages
        self.environment = environment
        self.attributes = attributes
    }

    /// The file systems in files that are mounted besides the root: nil for a layer that is none.
    var served: [ServedLayer?] { layers.map(\.served) + images }

    /// The namespaces that the container has of its own.
    var ownNamespaces: Namespaces { user == .none ? namespaces : namespaces.union(.user) }

    /// Those of them that are made for it.
    var newNamespaces: Namespaces { joinedNetwork == nil ? ownNamespaces : ownNamespaces.subtracting(.network) }

    /// Whether it has a network namespace that nobody else has.
    var hasOwnNetwork: Bool { namespaces.contains(.network) && joinedNetwork == nil }
}

/// How the root file system is provided.
package struct RootImage: Sendable, Equatable {
    package enum Driver: String, Sendable {
        /// A directory of the host, bound.
        case directory
        /// The kernel's squashfs or ext4 on a loop device with autoclear: root only.
        case loop
        /// An encrypted image: the kernel's squashfs on a device that dm-crypt decrypts; root only.
        case deviceMapper = "device-mapper"
        /// Our own FUSE server: squashfs for everybody.
        case server
        /// Unpacked into a private directory first.
        case extracted
    }

    /// What APPTAINER_CONTAINER says: absolute.
    package var path: String
    package var driver: Driver
    /// The directory to bind: the image itself, or where it is extracted to. Empty for the other drivers.
    package var directory: String
    package var filesystem: RootFilesystem
    /// Where it lies in the image file.
    package var range: ByteRange
    package var writable: Bool
    /// Whether the kernel writes an ext3 image at once; mount(8), option sync.
    package var isSynchronous: Bool
    /// Loop devices of this number and above are not used.
    package var loopLimit: Int
    /// The owner that the image server gives every file, in ids of the container; nil for the owners in the image.
    package var owner: FileOwner?
    /// Where missing mount targets come from.
    package var targets: MissingTargets
    /// Nil for an image that everybody can read.
    package var encryption: EncryptedVolume?

    package init(
        path: String, driver: Driver, directory: String, filesystem: RootFilesystem, range: ByteRange, writable: Bool,
        isSynchronous: Bool = false, loopLimit: Int = 256, owner: FileOwner? = nil, targets: MissingTargets,
        encryption: EncryptedVolume? = nil
    ) {
        self.path = path
        self.driver = driver
        self.directory = directory
        self.filesystem = filesystem
        self.range = range
        self.writable = writable
        self.isSynchronous = isSynchronous
        self.loopLimit = loopLimit
        self.owner = owner
        self.targets = targets
        self.encryption = encryption
    }
}

/// The container's private file system in memory, and what its mount namespace has in common with the host's.
package struct SessionFilesystem: Sendable, Equatable {
    package var type: Settings.MemoryFilesystem
    /// In bytes; nil for no limit.
    package var size: Int64?
    /// Whether later mounts of the host appear in the container (`mount slave`).
    package var receivesMounts: Bool

    package init(type: Settings.MemoryFilesystem = .tmpfs, size: Int64?, receivesMounts: Bool = true) {
        (self.type, self.size, self.receivesMounts) = (type, size, receivesMounts)
    }
}

package struct FileOwner: Sendable, Equatable {
    package let uid: UInt32
    package let gid: UInt32
    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }
}

/// The core's own layer (Docs/decisions/003): mount targets that the image lacks are supplied below it.
package enum MissingTargets: String, Sendable {
    /// An overlay with our layer as its lowest directory, if and only if a target is missing.
    case overlay
    /// Directories rebuilt from binds around the missing target.
    case underlay
    /// Nothing is supplied: the image is opened for writing, or the configuration forbids it.
    case none
}

package enum UserNamespace: Sendable, Equatable {
    case none
    /// Made by the child, maps written by the child itself: one id each.
    case new(uid: IDMap, gid: IDMap)
    /// Made by the child, maps written from outside by newuidmap(1): the caller is root, its ranges are everybody else.
    case ranges(SubordinateIDs, uid: UInt32, gid: UInt32)
}

/// What stands in for the powers that root of the container's user namespace lacks (Docs/root-emulation.md).
package struct RootEmulation: Sendable, Equatable {
    package enum Supervisor: Sendable, Equatable {
        case none
        /// Started for this launch.
        case own
        /// Already running; a descriptor of this process leads to it.
        case held(CInt)
    }

    package var mode: RootMode
    package var filter: SyscallFilter
    package var supervisor: Supervisor
    /// Which owners are kept.
    package var scope: SupervisorMessage
}

/// A line of /proc/PID/uid_map with count 1; user_namespaces(7).
package struct IDMap: Sendable, Equatable {
    package let inside: UInt32
    package let outside: UInt32
    package init(inside: UInt32, outside: UInt32) {
        self.inside = inside
        self.outside = outside
    }
}

/// What the program may do.
package struct Privileges: Sendable, Equatable {
    package var noNewPrivileges: Bool
    /// Bits of the capabilities that stay; 0 for ordinary users.
    package var capabilities: UInt64
    /// Whether set-user-ID programs of the image work (`--allow-setuid`, root only): no nosuid on the root.
    package var allowSetuid: Bool
    /// The user whose ids the program gets as the very last step; nil for the user who launches it.
    package var user: ProgramUser?
    /// The ids of `--security uid:` and `gid:`, which the program has from the host on; nil for the caller's.
    package var target: ProgramUser?
    /// `--security apparmor:` or `selinux:`.
    package var label: SecurityLabel?
    package init(noNewPrivileges: Bool, capabilities: UInt64, allowSetuid: Bool = false) {
        self.noNewPrivileges = noNewPrivileges
        self.allowSetuid = allowSetuid
        self.capabilities = capabilities
    }
}

package enum StartDirectory: Sendable, Equatable {
    /// `--cwd`: failing to enter is fatal.
    case required(String)
    /// The first that can be entered; all but the first with a warning.
    case preferred([String])
}

/// Which processes there are (Docs/decisions/004).
package enum ProcessModel: String, Sendable {
    /// `skiff` itself becomes the program.
    case inPlace
    /// A monitor waits; its child becomes the program.
    case monitored
    /// A monitor waits; its child is PID 1 of the container, reaps, and starts the program.
    case shim
}
