import PluginAPI
public import PluginKit

/// `--overlay` and `--writable-tmpfs`: writable and read-only layers above the image.
///
/// The plugin decides which layers there are; the core stacks them in one overlay mount, lowest first.
public final class Overlay: Plugin {
    public let id = "org.skiff.overlay"
    public let version = "0.1.0"
    public let name = "Overlay"
    public let phases: Set<PluginPhase> = [.configure, .mounts]

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
        for spec in specs { try add(spec, to: session) }
        if isTemporary { try session.add(.temporaryUpper, reason: "--writable-tmpfs") }
    }

    private func add(_ spec: OverlaySpec, to session: Session) throws(PluginError) {
        let layer: OverlayLayer
        do throws(OverlayProblem) {
            layer = try spec.resolve { Kit.log(.warning, $0) }
        } catch {
            throw PluginError(error.message, errno: error.cause?.number ?? 0, status: SKIFF_E_SYSTEM)
        }
        switch layer {
        case .lower(let path): try session.add(.lower(path), reason: "--overlay \(spec.path)")
        case .upper(let path, let work):
            try session.add(.upper(path, work: work), reason: "--overlay \(spec.path)")
        }
    }
}
