import PluginAPI
public import PluginKit

/// `--overlay`, `--writable-tmpfs`, and overlays that an image brings along: writable and read-only layers above the image.
///
/// The plugin decides which layers there are; the core stacks them in one overlay mount, lowest first.
public final class Overlay: Plugin {
    public let id = "org.skiff.overlay"
    public let version = "0.1.0"
    public let name = "Overlay"
    public let phases: Set<PluginPhase> = [.configure, .mounts]
    public let tables: [String: UnsafeRawPointer] = [SKIFF_EXT_FILESYSTEM: ExtService.table()]

    private var specs: [OverlaySpec] = []
    private var isTemporary = false

    public init() {}

    public var handlers: [Handler] {
        [
            .strings("overlay") { _, list, count in
                let specs = Kit.strings(list, count).filter { !$0.isEmpty }
                Overlay.current?.specs = specs.map(OverlaySpec.init)
                return SKIFF_OK
            },
            .bool("writable-tmpfs") { _, isOn in
                Overlay.current?.isTemporary = isOn != 0
                return SKIFF_OK
            },
        ] + OverlayCommands.handlers
    }

    /// The plugin of this library, for the handlers, which are C functions.
    nonisolated(unsafe) private static var current: Overlay?

    public func register() -> Overlay {
        Overlay.current = self
        return self
    }

    /// Rejects flags that exclude each other, with Apptainer's texts, before anything is touched.
    public func configure(_ session: Session) throws(PluginError) {
        guard try session.number("writable") == 1 else { return }
        if !specs.isEmpty { throw PluginError("cannot use --overlay in conjunction with --writable") }
        if isTemporary {
            Kit.log(.warning, "Disabling --writable-tmpfs flag, mutually exclusive with --writable")
            isTemporary = false
        }
    }

    public func mounts(_ session: Session) throws(PluginError) {
        var writable: String?
        // Refuse what can be refused before making any directory.
        for spec in specs where !spec.isReadOnly {
            if isTemporary {
                throw PluginError(
                    "you can't specify --writable-tmpfs with another writable overlay image (\(spec.path))")
            }
            if let writable {
                throw PluginError(
                    "you can't specify more than one writable overlay, \(writable) contains a writable overlay, "
                        + "requires to use '--overlay \(spec.path):ro'")
            }
            writable = spec.path
        }
        try addOwn(session)
        for spec in specs { try add(spec, to: session) }
        if isTemporary { try session.add(.temporaryUpper, reason: "--writable-tmpfs") }
    }

    /// Adds the overlays that lie in the image: the lowest ones, read-only without `--writable`.
    private func addOwn(_ session: Session) throws(PluginError) {
        guard let file = try session.imageDescriptor() else { return }
        let sections = try session.imageSections()
        let group = sections.first { $0.role == 2 }?.group
        let overlays = sections.filter { $0.role == 4 && $0.group == group }.map {
            OverlayPart(
                filesystem: $0.filesystem == 1 ? "squashfs" : "ext3",
                file: FilePart(descriptor: file, offset: $0.offset, size: $0.size))
        }
        let path = try session.text("image") ?? ""
        let written = try session.number("writable") == 1 ? overlays.lastIndex { $0.isWritable } : nil
        if written != nil && !Host.permits(.write, path) {
            throw PluginError("could not use \(path) for writing, you don't have write permissions")
        }
        for (index, overlay) in overlays.enumerated() {
            let isWritten = index == written
            try overlay.add(isWritten, to: session, reason: isWritten ? "--writable" : "overlay of the image", path)
        }
    }

    private func add(_ spec: OverlaySpec, to session: Session) throws(PluginError) {
        let reason = "--overlay \(spec.path)"
        if let ignored = spec.ignored {
            Kit.log(.warning, "Behind overlay \(spec.path), :\(ignored) means nothing; :ro makes it read-only")
        }
        do throws(OverlayProblem) {
            if let image = try OverlayImage(spec, warn: { Kit.log(.warning, $0) }) {
                // The session keeps a copy of the descriptor.
                try withExtendedLifetime(image.file) { () throws(OverlayProblem) in
                    for (index, part) in image.parts.enumerated() {
                        do throws(PluginError) {
                            try part.add(index == image.written, to: session, reason: reason, spec.path)
                        } catch {
                            throw OverlayProblem(error)
                        }
                    }
                }
                return
            }
            switch try spec.resolve(warn: { Kit.log(.warning, $0) }) {
            case .lower(let path):
                settle(path, of: spec, isWritten: false, session)
                try add(.lower(path), reason, session)
            case .upper(let path, let work):
                settle(path, of: spec, isWritten: true, session)
                try add(.upper(path, work: work), reason, session)
            }
        } catch {
            if let passed = error.passed { throw passed }
            throw PluginError(error.message, errno: error.cause?.number ?? 0, status: SKIFF_E_SYSTEM)
        }
    }

    /// Has the marks of fuse-overlayfs in a directory put into those of the kernel's overlayfs, when it is written.
    private func settle(_ path: String, of spec: OverlaySpec, isWritten: Bool, _ session: Session) {
        guard let directory = try? HostFile(path, .read), let server = try? ExtService.server(session) else { return }
        let status = try? withExtendedLifetime(directory) { () throws(PluginError) in
            try session.run(server, ["tree", isWritten ? "rw" : "ro"], descriptors: [(3, directory.descriptor)])
        }
        guard status == 3 else { return }
        Kit.log(
            .warning,
            "Overlay \(spec.path) has whiteouts of fuse-overlayfs, which are not seen: use it once writable as its owner"
        )
    }

    private func add(_ layer: SessionLayer, _ reason: String, _ session: Session) throws(OverlayProblem) {
        do throws(PluginError) {
            try session.add(layer, reason: reason)
        } catch {
            throw OverlayProblem(error)
        }
    }
}
