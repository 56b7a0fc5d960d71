package import Linux

/// What a container of a bundle has besides what every plan says: the runtime specification of OCI, config.json. All of it is
/// carried out by `Child+Bundle.swift`.
package struct PlannedBundle: Sendable, Equatable {
    /// A namespace that exists, open in this process.
    package struct JoinedNamespace: Sendable, Equatable {
        package var kind: Namespaces
        package var descriptor: Int32

        package init(_ kind: Namespaces, _ descriptor: Int32) { (self.kind, self.descriptor) = (kind, descriptor) }
    }

    /// A terminal for the program, whose master goes to who listens at a socket.
    package struct Terminal: Sendable, Equatable {
        /// A connected socket of this process.
        package var console: Int32
        package var size: TerminalSize?

        package init(console: Int32, size: TerminalSize?) { (self.console, self.size) = (console, size) }
    }

    /// The five sets of a program, one bit a capability; capabilities(7).
    package struct CapabilitySets: Sendable, Equatable {
        package var bounding: UInt64 = 0
        package var effective: UInt64 = 0
        package var permitted: UInt64 = 0
        package var inheritable: UInt64 = 0
        package var ambient: UInt64 = 0

        package init() {}
    }

    /// A program of the host or of the container that is run at a step of the container's life.
    package struct Hook: Sendable, Equatable {
        package var path: String
        /// With argument 0; empty for the path alone.
        package var arguments: [String]
        /// `NAME=VALUE`.
        package var environment: [String]
        /// In seconds; nil for no limit.
        package var timeout: Int?
        /// Its place in config.json, for messages.
        package var name: String

        package init(_ path: String, _ arguments: [String], _ environment: [String], timeout: Int?, name: String) {
            (self.path, self.arguments, self.environment) = (path, arguments, environment)
            (self.timeout, self.name) = (timeout, name)
        }
    }

    /// The root directory: absolute, with links resolved.
    package var root = ""
    package var isReadOnly = false
    package var mounts: [BundleMount] = []
    package var joined: [JoinedNamespace] = []
    /// The maps of a new user namespace, written from outside.
    package var users: [UserIDMap.Range] = []
    package var groups: [UserIDMap.Range] = []
    package var domainName: String?
    package var user = ProgramUser(uid: 0, gid: 0, groups: [])
    package var capabilities = CapabilitySets()
    package var noNewPrivileges = false
    package var outOfMemoryScore: Int?
    package var terminal: Terminal?
    /// Descriptors that the program gets.
    package var kept: [Int32] = []
    /// How the container's own root propagates.
    package var propagation: Propagation?
    /// Hooks that run in the container's namespaces, before the root changes and just before the program.
    package var createHooks: [Hook] = []
    package var startHooks: [Hook] = []
    /// Whether keys of the caller's session are the container's, too.
    package var keepsKeyring = false
    /// Whether the program ends with the command that has started it.
    package var endsWithCommand = false

    package init() {}
}
