package import Linux

/// One step of the file tree of a bundle's container. Destinations are made where they are missing, in the root itself or in
/// whatever is mounted there by then.
package struct BundleMount: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        /// A path of the host: absolute.
        case bind(String, isRecursive: Bool)
        /// A new file system.
        case filesystem(type: String, source: String, options: [String])
        /// A device node; where this process may make none, that of the host of the same name.
        case device(Mount.Node)
        case link(String)
        /// Nothing is to be seen there; what is not there stays so.
        case masked
        /// What is there, read-only; what is not there stays so.
        case readOnly
    }

    /// What is changed of a mount once it is in its place.
    package struct Change: Sendable, Equatable {
        package var set: MountAttributes = []
        package var clear: MountAttributes = []
        package var propagation: Propagation?
        package var isRecursive = false

        package init(
            set: MountAttributes = [], clear: MountAttributes = [], propagation: Propagation? = nil,
            isRecursive: Bool = false
        ) {
            (self.set, self.clear, self.propagation, self.isRecursive) = (set, clear, propagation, isRecursive)
        }
    }

    package var source: Source
    /// Absolute, in the container.
    package var destination: String
    package var changes: [Change]
    /// Whether a file system in memory begins with what it covers (`tmpcopyup`).
    package var copiesUp: Bool
    /// Its place in config.json, for messages.
    package var name: String

    package init(
        _ source: Source, at destination: String, _ changes: [Change] = [], copiesUp: Bool = false, name: String
    ) {
        (self.source, self.destination, self.changes) = (source, destination, changes)
        (self.copiesUp, self.name) = (copiesUp, name)
    }

    /// Whether the options of a file system name paths of the host, which must be looked up before the root changes.
    var namesHostPaths: Bool {
        if case .filesystem(let type, _, _) = source { return type == "overlay" }
        return false
    }

    /// What is in memory is made read-only last of all: other mounts may need places in it.
    package var isInMemory: Bool {
        if case .filesystem(let type, _, _) = source { return type == "tmpfs" || type == "ramfs" }
        return false
    }
}
