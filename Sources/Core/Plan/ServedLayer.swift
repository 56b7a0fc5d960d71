import Base
package import Linux

/// A file system in a file that is a layer, or that binds come out of.
package struct ServedLayer: Sendable, Equatable {
    /// Who mounts it.
    package enum Driver: Sendable, Equatable {
        /// The kernel on a loop device: root.
        case loop
        /// The image server, for squashfs.
        case server(FileOwner?)
        /// A server of a plugin.
        case plugin(LayerService)
    }

    /// For messages.
    package var path: String
    /// Open as long as the command lives, for writing when the layer is.
    package var file: Int32
    package var range: ByteRange
    /// `ext3`, as plugins name it.
    package var filesystem: String
    package var isWritable: Bool
    /// The name of the directory at its root that is the layer; nil for the root.
    package var directory: String?
    package var work: String?
    /// Whether a squashfs has extended attributes: they may be marks of another dialect than that of the mount, which the image
    /// server knows and the kernel does not.
    package var hasAttributes = false
    /// Nil until the plan is closed.
    package var driver: Driver?
    /// The plugin that recovers what the kernel mounts.
    package var recoverer: String?
    /// Whether the kernel writes at once; mount(8), option sync.
    package var isSynchronous = false
    package var loopLimit = 256

    package init(
        path: String, file: Int32, range: ByteRange, filesystem: String, isWritable: Bool, directory: String? = nil,
        work: String? = nil
    ) {
        (self.path, self.file, self.range, self.filesystem) = (path, file, range, filesystem)
        (self.isWritable, self.directory, self.work) = (isWritable, directory, work)
    }

    /// What nobody can write, nobody locks.
    package var isLocked: Bool { filesystem != "squashfs" && filesystem != "erofs" }

    var pluginService: LayerService? {
        if case .plugin(let service)? = driver { service } else { nil }
    }

    /// For `--explain`.
    var text: String {
        let who =
            switch driver {
            case .loop: "by the kernel on a loop device" + (isSynchronous ? ", written at once" : "")
            case .server: "by the image server skiff-mount"
            case .plugin(let service): "by \(service.server) of \(service.plugin)"
            case nil: "by nobody"
            }
        return "\(filesystem) in \(path) at byte \(range.offset), \(range.size) bytes, "
            + "\(isWritable ? "writable" : "read-only"), \(who)"
    }

    var json: JSONText {
        let name =
            switch driver {
            case .loop: "loop"
            case .server: "server"
            case .plugin(let service): service.plugin
            case nil: "none"
            }
        return .members([
            "filesystem": .string(filesystem), "offset": .integer(range.offset), "size": .integer(range.size),
            "writable": .bool(isWritable), "directory": directory.map { .string($0) }, "driver": .string(name),
            "synchronous": .bool(isSynchronous),
        ])
    }
}

/// What a plugin says about the file system that it would serve.
package struct LayerService: Sendable, Equatable {
    /// Its id.
    package var plugin: String
    /// For `--explain`.
    package var server: String
    /// Of the mount, besides the core's own.
    package var options: [String]
    /// Whether overlayfs can write to it.
    package var isUpper: Bool
    /// Whether the kernel, asked about, would show something else than the server does.
    package var wantsServer: Bool

    package init(plugin: String, server: String, options: [String], isUpper: Bool, wantsServer: Bool = false) {
        (self.plugin, self.server, self.options, self.isUpper) = (plugin, server, options, isUpper)
        self.wantsServer = wantsServer
    }
}

extension ServedLayer {
    /// Whether a process serves it, which must be waited for.
    var hasServer: Bool { driver != .loop }
}

extension Layer {
    var served: ServedLayer? {
        if case .served(let image) = kind { image } else { nil }
    }
}
