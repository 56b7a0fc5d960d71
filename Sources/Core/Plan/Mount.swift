package import Linux

/// One step of the container's file tree: what appears where, and why.
package struct Mount: Sendable, Equatable {
    /// The groups of Docs/spec/runtime.md §2, executed in this order; see `inOrder()`.
    package enum Group: Int, Sendable, Comparable {
        case dev, hostfs, binds, kernel, home, tmp, scratch, files, userBinds, cwd

        package static func < (left: Group, right: Group) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Source: Sendable, Equatable {
        /// A recursive bind of a path of the host.
        case bind(String)
        /// A directory of the host that is made if it is absent (`--workdir`), then bound.
        case made(String, mode: UInt32)
        /// A new file system: type and options (`key=value` or a lone key).
        case filesystem(type: String, options: [String])
        /// An empty directory of the session tmpfs, with this mode.
        case session(mode: UInt32)
        /// A file with bytes that are known before the launch.
        case file([UInt8], mode: UInt32 = 0o644)
        /// A file made from the image's own once the root is assembled: passwd, group.
        case derived(DerivedFile)
        /// A path in an image of the plan, by its place among them: links in it lead to nothing outside of the image.
        case image(Int, path: String)
        /// A symbolic link in a directory that we staged.
        case symlink(String)
        /// A device node that is made for the container.
        case node(Node)
    }

    /// A device node; mknod(2).
    package struct Node: Sendable, Equatable {
        package var isBlock: Bool
        package var major: UInt32
        package var minor: UInt32
        package var mode: UInt32
        package var uid: UInt32
        package var gid: UInt32

        package init(isBlock: Bool, major: UInt32, minor: UInt32, mode: UInt32, uid: UInt32, gid: UInt32) {
            (self.isBlock, self.major, self.minor) = (isBlock, major, minor)
            (self.mode, self.uid, self.gid) = (mode, uid, gid)
        }
    }

    /// What to do when the destination cannot be provided.
    package enum Missing: String, Sendable {
        case fail, warn, ignore
    }

    package var group: Group
    package var source: Source
    /// Absolute, inside the container; resolved there, so symlinks cannot leave the root.
    package var destination: String
    package var attributes: MountAttributes
    package var missing: Missing
    /// Whether a destination that the image lacks is supplied by our own layer.
    package var createDestination: Bool
    /// Whether the user asked for this very mount (`--bind`, `--scratch`, `--home`): nothing else may cover it unnoticed.
    package var isAsked = false
    /// Why it is there: `home directory`, `--bind`, `GPU library`.
    package var reason: String
    /// `core`, or the id of the plugin that added it.
    package var origin: String

    package init(
        _ group: Group, _ source: Source, at destination: String, attributes: MountAttributes = [],
        missing: Missing = .fail, createDestination: Bool = true, reason: String, origin: String = "core"
    ) {
        self.group = group
        self.source = source
        self.destination = destination
        self.attributes = attributes
        self.missing = missing
        self.createDestination = createDestination
        self.reason = reason
        self.origin = origin
    }
}

/// Identity files whose content depends on the image's (Docs/spec/runtime.md §2.5).
package enum DerivedFile: Sendable, Equatable {
    /// The image's /etc/passwd with the entry of the caller put in.
    case passwd(UserRecord)
    /// The image's /etc/group with lines `name:x:gid:user` added for the caller's groups.
    case group(user: String, groups: [GroupRecord])
}

package struct GroupRecord: Sendable, Equatable {
    package let name: String
    package let gid: UInt32
    package init(name: String, gid: UInt32) {
        self.name = name
        self.gid = gid
    }
}

/// A layer above the image's root, from a plugin. The core stacks them all in one overlay mount: later layers lie above
/// earlier ones; the image is the lowest except for the core's own layer of missing mount targets.
package struct Layer: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// A read-only directory of the host.
        case lower(String)
        /// A writable directory and its work directory, on one file system of the host.
        case upper(String, work: String)
        /// Writable in memory, in the session tmpfs; gone with the container.
        case temporaryUpper
        /// A file system in a file.
        case served(ServedLayer)
    }

    package var kind: Kind
    package var reason: String
    package var origin: String

    package init(_ kind: Kind, reason: String, origin: String) {
        self.kind = kind
        self.reason = reason
        self.origin = origin
    }

    package var isWritable: Bool {
        switch kind {
        case .lower: false
        case .upper, .temporaryUpper: true
        case .served(let image): image.isWritable
        }
    }
}
