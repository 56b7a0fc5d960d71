import PluginAPI
public import PluginKit

/// `--nv`: the host's NVIDIA driver in the container, file by file, as `nvliblist.conf` says.
///
/// LD_LIBRARY_PATH belongs to the core, which puts `/.singularity.d/libs` after the image's own libraries.
public final class NvidiaGPU: Plugin {
    public let id = "org.skiff.nvidia-gpu"
    public let version = "0.1.0"
    public let name = "NvidiaGPU"
    public let phases: Set<PluginPhase> = [.configure, .mounts]

    private var isWanted = false
    private var isRefused = false
    private var wants32 = false

    public init() {}

    /// The plugin of this library, for the handlers, which are C functions.
    nonisolated(unsafe) private static var current: NvidiaGPU?

    public func register() -> NvidiaGPU {
        NvidiaGPU.current = self
        return self
    }

    public var handlers: [Handler] {
        [
            .bool("nv") { _, isOn in
                NvidiaGPU.current?.isWanted = isOn != 0
                return SKIFF_OK
            },
            .bool("no-nv") { _, isOn in
                NvidiaGPU.current?.isRefused = isOn != 0
                return SKIFF_OK
            },
            .bool("compat32") { _, isOn in
                NvidiaGPU.current?.wants32 = isOn != 0
                return SKIFF_OK
            },
        ]
    }

    /// `--no-nv` cancels the configuration, not `--nv`.
    public func configure(_ session: Session) throws(PluginError) {
        if !isWanted, !isRefused, try session.configuration("always use nv").last == "yes" {
            isWanted = true
            Kit.log(.verbose, "'always use nv = yes' found in the configuration")
        }
        if isWanted, !wants32, let capabilities = try session.variable("NVIDIA_DRIVER_CAPABILITIES") {
            wants32 = capabilities.utf8.split(separator: UInt8(ascii: ",")).contains {
                $0.elementsEqual("compat32".utf8)
            }
        }
        if isWanted, try session.configuration("use nvidia-container-cli").last == "yes" {
            Kit.log(
                .warning, "use nvidia-container-cli = yes is not carried out: --nv finds the driver itself")
        }
        if wants32, !isWanted { Kit.log(.warning, "Ignoring --compat32, it needs --nv") }
        #if !arch(x86_64)
        wants32 = false
        #endif
    }

    public func mounts(_ session: Session) throws(PluginError) {
        guard isWanted else { return }
        let driver = Driver(
            try readList(session), in: try places(session),
            kind: ELFHeader.ofThisProcess ?? ELFHeader(width: 2, machine: 62),
            compat32: wants32)
        if driver.isEmpty { Kit.log(.warning, "Could not find any nv files on this host!") }
        if !driver.isEmpty, try session.number("writable") == 1 {
            Kit.log(.warning, "nv files may not be bound with --writable")
        }
        for file in driver.libraries + driver.libraries32 { try bind(file, session, "GPU library") }
        for file in driver.programs { try bind(file, session, "GPU program") }
        for file in driver.files { try bind(file, session, "GPU file") }
        for file in driver.sockets { try bind(file, session, "nvidia-persistenced", readOnly: false) }
        for path in deviceNodes() { try session.addDevice(path, reason: "GPU device") }
    }

    private func bind(_ file: Driver.File, _ session: Session, _ reason: String, readOnly: Bool = true)
        throws(PluginError)
    {
        try session.bind(
            file.source, at: file.destination, readOnly: readOnly, group: .files, missing: .warn, reason: reason)
    }

    private func readList(_ session: Session) throws(PluginError) -> LibraryList {
        let path = try session.directory("configuration") + "/nvliblist.conf"
        do throws(SystemError) {
            return LibraryList(parsing: try Host.read(path, limit: 1 << 20))
        } catch {
            throw PluginError("cannot read \(path)", error)
        }
    }

    private func places(_ session: Session) throws(PluginError) -> Driver.Places {
        var places = Driver.Places()
        let cache = "/etc/ld.so.cache"
        do {
            places.cache = try HostLibrary.list(in: try Host.read(cache))
        } catch {
            Kit.log(.warning, "cannot read \(cache): \(error)")
        }
        // Root's container must not get programs that a user put first in PATH.
        let isPrivileged = try session.number("privileged") == 1
        let fixed = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        let path = isPrivileged ? fixed : try session.variable("PATH") ?? fixed
        places.path = path.utf8.split(separator: UInt8(ascii: ":")).filter { $0.first == UInt8(ascii: "/") }
            .map { String(Substring($0)) }
        return places
    }
}
