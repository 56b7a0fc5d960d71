package import Base

/// The ids of a program, all of them ids inside the container.
package struct ProgramUser: Sendable, Equatable {
    package let uid: UInt32
    package let gid: UInt32
    package let groups: [UInt32]

    package init(uid: UInt32, gid: UInt32, groups: [UInt32]) {
        (self.uid, self.gid, self.groups) = (uid, gid, groups)
    }

    /// - Parameter text: `UID:GID:GROUP,GROUP`.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let uid = UInt32(parts[0]), let gid = UInt32(parts[1]) else { return nil }
        let groups = parts[2].split(separator: ",").map { UInt32($0) }
        guard !groups.contains(nil) else { return nil }
        self.init(uid: uid, gid: gid, groups: groups.compactMap(\.self))
    }

    var text: String { "\(uid):\(gid):" + groups.map(String.init).joined(separator: ",") }
}

/// How a step of a build is root: in the same way as the build.
package struct InheritedRoot: Sendable, Equatable {
    package var mode: RootMode
    /// A descriptor that leads to the build's skiff-root; nil when there is none.
    package var supervisor: Int32?

    package init(mode: RootMode, supervisor: Int32?) {
        (self.mode, self.supervisor) = (mode, supervisor)
    }
}

/// What the user asked for, after the command line, the environment and the configuration were read, and before anything
/// was looked at. Plain values; made by `CLI/Commands`, by `skiff-image` for `%post` and `%test`, read by `PlanBuilder`.
package struct Request: Sendable {
    package enum Action: String, Sendable {
        case exec, run, shell, test, start
    }

    /// One `--bind`, already split.
    package struct Bind: Sendable, Equatable {
        package var source: String
        package var destination: String
        package var readOnly: Bool
        /// What of an image file is bound; nil for the source itself.
        package var part: ImagePart?
        /// Whether containers that are started in the container bind the same (`APPTAINER_BIND`).
        package var isNested = true
        package init(source: String, destination: String, readOnly: Bool = false, isNested: Bool = true) {
            (self.source, self.destination, self.readOnly) = (source, destination, readOnly)
            self.isNested = isNested
        }
    }

    /// `image-src` and `id` of a bind, whose source is an image file then.
    package struct ImagePart: Sendable, Equatable {
        /// In the image, as it was given: links in it lead to nothing outside of it.
        package var path = "/"
        /// Of the object of a SIF; nil for its first data partition.
        package var id: UInt32?
        package init() {}
    }

    /// How the user of the container is mapped.
    package enum UserMapping: String, Sendable {
        /// Root stays root, a user gets a user namespace with their own id mapped to itself.
        case automatic
        /// A user namespace even for root (`--userns`).
        case userNamespace
        /// The caller appears as root (`--fakeroot`, builds).
        case root
        /// The caller is already in the namespace that it wants.
        case inherited
    }

    package var action: Action
    /// As typed: a path to a SIF, a squashfs or ext3 file, or a directory.
    package var image: String
    /// The program and its arguments (`exec`), or the arguments of the image's script, byte by byte as they were given.
    package var arguments: [[UInt8]] = []

    // Mounts
    package var binds: [Bind] = []
    /// `--home SRC[:DST]`.
    package var home: Bind?
    package var noHome = false
    package var contain = false
    package var workdir: String?
    package var scratch: [String] = []
    /// `proc sys dev devpts home tmp hostfs cwd bind-paths`, or destinations of configured binds.
    package var noMount: [String] = []
    package var writable = false
    package var underlay = false
    package var unsquash = false
    /// Where temporary files go; nil means the default of Docs/spec/cli.md §2.3.
    package var temporaryDirectory: String?

    /// `--device`: names that plugins know, and the directories with their descriptions; none: the plugins' own.
    package var devices: [String] = []
    package var deviceDirectories: [String] = []

    // Environment
    package var cleanEnvironment = false
    /// `--env`, in order.
    package var environment: [(name: String, value: String)] = []
    package var environmentFiles: [String] = []
    package var noEnvironment: [String] = []
    package var noEvaluation = false
    /// `--app NAME`.
    package var app: String?
    /// `shell --shell`.
    package var shell: String?
    package var noUmask = false

    // Namespaces and identity
    package var newPID = false
    package var newIPC = false
    package var newUTS = false
    package var newNetwork = false
    /// `--network`: what plugins attach to a new network namespace; empty for loopback alone.
    package var networks: [RequestedNetwork] = []
    /// `--netns-path`: absolute.
    package var networkPath: String?
    package var hostname: String?
    package var noInit = false
    /// `--sharens`: one container for all that the parent of this process starts.
    package var sharesContainer = false
    /// The name under which the container stays: `instance start` and `instance run`.
    package var instance: String?
    package var userMapping = UserMapping.automatic
    /// `--ignore-subuid`, `--ignore-fakeroot-command`: ways to root that are left out.
    package var ignoreSubuid = false
    package var ignoreFakerootCommand = false
    /// In a build, how its steps are root.
    package var inheritedRoot: InheritedRoot?
    package var keepPrivileges = false
    package var noPrivileges = false
    package var allowSetuid = false
    package var addCapabilities: [String] = []
    package var dropCapabilities: [String] = []
    package var dns: [String] = []
    /// `--security`, with absolute files.
    package var security = SecurityOptions()
    /// What the container may use at most.
    package var limits: [CgroupLimit] = []

    /// `--cwd`: failing to enter it is fatal.
    package var directory: String?

    /// `--build-config`: no configured binds, no home, no resolv.conf, no devpts.
    package var buildConfiguration = false

    /// `--config` of the command that a launch is part of.
    package var configurationFile: String?

    /// The user that the program starts as, when not the one who launches it: `USER` of a Dockerfile.
    package var programUser: ProgramUser?
    /// The program's environment is `environment` and nothing else; no script of the image runs.
    package var exactEnvironment = false

    /// Flags of plugins that were used.
    package var pluginFlags: [PluginFlagUse] = []

    package init(action: Action, image: String) {
        self.action = action
        self.image = image
    }
}
