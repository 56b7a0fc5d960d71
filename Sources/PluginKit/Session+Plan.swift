import PluginAPI

/// When a mount is made, relative to the others: the groups of Docs/spec/runtime.md §2.
public enum MountGroup: UInt32, Sendable {
    case dev = 100
    case hostfs = 200
    case binds = 300
    case kernel = 400
    case home = 500
    case tmp = 600
    case scratch = 700
    case files = 800
    case userBinds = 900
    case cwd = 1000
}

/// What happens when the source or destination is missing.
public enum WhenMissing: UInt32, Sendable {
    case fail, warn, ignore
}

/// A layer above the image.
public enum SessionLayer: Sendable {
    /// A read-only directory.
    case lower(String)
    /// A writable directory with its work directory; both exist, on one file system.
    case upper(String, work: String)
    /// A writable layer in memory.
    case temporaryUpper
    /// A file system in an open file, with the names of directories in it.
    case served(FilePart, filesystem: String, isWritable: Bool, directory: String?, work: String?)
}

/// A change of the container's environment.
public enum VariableOperation: Sendable {
    case set(String)
    case unset
    case prependPath(String)
    case appendPath(String)
}

extension Session {
    /// Adds a recursive bind of a path of the host.
    public func bind(
        _ source: String, at destination: String, readOnly: Bool, group: MountGroup, missing: WhenMissing = .fail,
        reason: String
    ) throws(PluginError) {
        let slot = try plan().add_mount
        let flags = UInt32(
            SKIFF_MOUNT_FLAG_NO_SUID | SKIFF_MOUNT_FLAG_NO_DEV | (readOnly ? SKIFF_MOUNT_FLAG_READ_ONLY : 0))
        let status = withTexts(source, destination, reason) { source, destination, reason in
            var mount = skiff_mount()
            mount.struct_size = UInt32(MemoryLayout<skiff_mount>.size)
            mount.kind = UInt32(SKIFF_MOUNT_KIND_BIND)
            mount.group = group.rawValue
            mount.flags = flags
            mount.missing = missing.rawValue
            (mount.source, mount.destination, mount.reason) = (source, destination, reason)
            return slot?(pointer, &mount)
        }
        try check(status)
    }

    public func add(_ layer: SessionLayer, reason: String) throws(PluginError) {
        let slot = try plan().add_layer
        var request = skiff_layer()
        request.struct_size = UInt32(MemoryLayout<skiff_layer>.size)
        request.fd = -1
        let (path, work): (String, String) =
            switch layer {
            case .lower(let path): (path, "")
            case .upper(let path, let work): (path, work)
            case .temporaryUpper: ("", "")
            case .served(_, _, _, let directory, let work): (directory ?? "", work ?? "")
            }
        var type = ""
        if case .served(let file, let filesystem, let isWritable, _, _) = layer {
            (request.fd, request.offset, request.size) = (file.descriptor, file.offset, file.size)
            request.flags = isWritable ? UInt32(SKIFF_LAYER_FLAG_WRITABLE) : 0
            type = filesystem
        }
        request.kind =
            switch layer {
            case .lower: UInt32(SKIFF_LAYER_KIND_LOWER)
            case .upper: UInt32(SKIFF_LAYER_KIND_UPPER)
            case .temporaryUpper: UInt32(SKIFF_LAYER_KIND_TEMPORARY_UPPER)
            case .served: UInt32(SKIFF_LAYER_KIND_SERVED)
            }
        let status = withTexts(path, work, reason) { path, work, reason in
            (request.path, request.work, request.reason) =
                (path.pointee == 0 ? nil : path, work.pointee == 0 ? nil : work, reason)
            return type.withTerminatedBytes { type in
                request.filesystem = type
                return slot?(pointer, &request)
            }
        }
        try check(status)
    }

    /// Makes a node of the host's /dev visible in a minimal one.
    public func addDevice(_ path: String, reason: String) throws(PluginError) {
        let slot = try plan().add_device
        let status = withTexts(path, reason, "") { path, reason, _ in
            var device = skiff_device()
            device.struct_size = UInt32(MemoryLayout<skiff_device>.size)
            device.missing = UInt32(SKIFF_MISSING_WARN)
            (device.path, device.reason) = (path, reason)
            return slot?(pointer, &device)
        }
        try check(status)
    }

    public func change(_ name: String, _ operation: VariableOperation, reason: String) throws(PluginError) {
        let slot = try plan().add_variable
        let (number, value) =
            switch operation {
            case .set(let value): (SKIFF_VARIABLE_SET, value)
            case .unset: (SKIFF_VARIABLE_UNSET, "")
            case .prependPath(let value): (SKIFF_VARIABLE_PREPEND_PATH, value)
            case .appendPath(let value): (SKIFF_VARIABLE_APPEND_PATH, value)
            }
        let status = withTexts(name, value, reason) { name, value, reason in
            var variable = skiff_variable(
                struct_size: UInt32(MemoryLayout<skiff_variable>.size), operation: UInt32(number), name: name,
                value: value, reason: reason)
            return slot?(pointer, &variable)
        }
        try check(status)
    }

    /// Has the container's user namespace made inside another one; `skiff/plan.h`, SKIFF_NAMESPACE_MODE_NESTED.
    /// - Parameter namespace: lent.
    public func nest(in namespace: Int32, reason: String) throws(PluginError) {
        try want(SKIFF_NAMESPACE_USER, SKIFF_NAMESPACE_MODE_NESTED, namespace, reason)
    }

    /// Gives the container a network namespace that exists: root, or beside `nest`, in whose user namespace it was made.
    /// - Parameter namespace: lent.
    public func joinNetwork(_ namespace: Int32, reason: String) throws(PluginError) {
        try want(SKIFF_NAMESPACE_NETWORK, SKIFF_NAMESPACE_MODE_JOIN, namespace, reason)
    }

    private func want(_ which: Int32, _ mode: Int32, _ descriptor: Int32, _ reason: String) throws(PluginError) {
        let slot = try plan().want_namespace
        let status = reason.withTerminatedBytes { reason in
            var wanted = skiff_namespace(
                struct_size: UInt32(MemoryLayout<skiff_namespace>.size), which: UInt32(which), mode: UInt32(mode),
                fd: descriptor, reason: reason)
            return slot?(pointer, &wanted)
        }
        try check(status)
    }

    /// Adds a line to the output of `--explain`.
    public func note(_ text: String) throws(PluginError) {
        let slot = try plan().note
        try check(text.withTerminatedBytes { slot?(pointer, $0) })
    }
}

func withTexts<Result>(
    _ first: String, _ second: String, _ third: String,
    _ body: (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>) -> Result
) -> Result {
    first.withTerminatedBytes { first in
        second.withTerminatedBytes { second in third.withTerminatedBytes { body(first, second, $0) } }
    }
}
