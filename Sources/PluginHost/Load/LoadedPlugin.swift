import Base
import CLinux
import Core
import Linux
import PluginAPI

/// A plugin whose library is in the process, with what we keep for it. Never unloaded: dlclose of a Swift library
/// leaves dangling metadata, and tables must live as long as the process.
package final class LoadedPlugin {
    package let manifest: Manifest
    /// The library's own object.
    let object: UnsafePointer<skiff_plugin>
    let root: skiff_plugin
    /// What it knows of us.
    let host: UnsafePointer<skiff_host>
    private(set) var phases = skiff_phases()
    private(set) var handlers: [String: skiff_handler] = [:]
    /// Empty unless the manifest names it.
    private(set) var container = skiff_container()
    /// Empty unless the manifest has networks.
    private(set) var network = skiff_network()
    /// Empty unless the manifest names it.
    private(set) var devices = skiff_devices()
    /// Empty unless the manifest names it.
    private(set) var filesystem = skiff_filesystem()
    /// Empty unless the manifest names it.
    private(set) var imageFormat = skiff_image_format()
    /// Empty unless the manifest names it.
    private(set) var doctor = skiff_doctor()
    /// Empty unless the manifest names it.
    private(set) var crypto = skiff_crypto()
    /// Empty unless the manifest has schemes.
    private(set) var transport = skiff_transport()
    /// Empty unless the manifest has targets.
    private(set) var buildTarget = skiff_build_target()
    /// What the plugin said before it returned a negative status.
    let diagnostics: PluginDiagnostics

    /// Checks the object returned by the entry function against the manifest, and initialises it.
    init(
        _ manifest: Manifest, object: UnsafePointer<skiff_plugin>, host: UnsafePointer<skiff_host>,
        diagnostics: PluginDiagnostics
    ) throws(SkiffError) {
        self.manifest = manifest
        self.object = object
        self.diagnostics = diagnostics
        self.host = host
        guard let root = readTable(UnsafeRawPointer(object), into: skiff_plugin()) else {
            throw manifest.failure("load", "its skiff_plugin has no valid struct_size")
        }
        self.root = root
        try checkIdentity()
        if let initialise = root.`init` {
            try call("init") { initialise(object) }
        }
        try readPhases()
        try readHandlers()
        for id in manifest.extensions where try find(id) == nil {
            throw manifest.failure("load", "the library has no \(id)")
        }
        try readExtensions()
    }

    /// Whether the container's first process has to wait for this plugin.
    var holdsStart: Bool {
        network.attach != nil || container.created != nil || container.message != nil || container.running != nil
    }

    private func checkIdentity() throws(SkiffError) {
        guard text(root.id) == manifest.id else {
            throw manifest.failure("load", "the library says that it is \(text(root.id) ?? "nobody")")
        }
        guard text(root.version) == manifest.version else {
            throw manifest.failure(
                "load", "the library has version \(text(root.version) ?? "none"), its manifest \(manifest.version)")
        }
        guard manifest.abi.contains(root.abi) else {
            throw manifest.failure("load", "the library was built for another interface than its manifest says")
        }
    }

    private func readPhases() throws(SkiffError) {
        guard let table = readTable(try find(SKIFF_EXT_PHASES), into: skiff_phases()) else {
            if manifest.phases.isEmpty { return }
            throw manifest.failure("load", "the library has no \(SKIFF_EXT_PHASES)")
        }
        phases = table
        for phase in PluginPhase.allCases where table.has(phase) != manifest.phases.contains(phase) {
            let fact = table.has(phase) ? "has a phase that its manifest does not name" : "lacks the phase"
            throw manifest.failure("load", "the library \(fact): \(phase.rawValue)")
        }
    }

    private func readHandlers() throws(SkiffError) {
        let wanted =
            manifest.flags.compactMap { flag in flag.handler.map { ($0, flag.signature) } }
            + manifest.commands.map { ($0.handler, Optional($0.signature)) }
        if wanted.isEmpty { return }
        guard let table = readTable(try find(SKIFF_EXT_CLI), into: skiff_cli()),
            let list = StridedArray(
                table.handlers, count: UInt64(table.handler_count), stride: table.handler_size, empty: skiff_handler())
        else {
            throw manifest.failure("load", "the library has no \(SKIFF_EXT_CLI), or one without a list of handlers")
        }
        for handler in list.elements {
            if let name = text(handler.name) { handlers[name] = handler }
        }
        for (name, signature) in wanted {
            guard let handler = handlers[name], handler.fn != nil else {
                throw manifest.failure("load", "the library has no handler \(name)")
            }
            guard let own = text(handler.signature), own == signature?.description else {
                throw manifest.failure(
                    "load",
                    "handler \(name) is \(text(handler.signature) ?? "without signature") in the library and "
                        + "\(signature?.description ?? "") in the manifest")
            }
        }
    }

    private func readExtensions() throws(SkiffError) {
        container = try table(SKIFF_EXT_CONTAINER, skiff_container(), needs: "") { _ in true } ?? container
        devices =
            try table(SKIFF_EXT_DEVICES, skiff_devices(), needs: "add or list") { $0.add != nil && $0.list != nil }
            ?? devices
        filesystem =
            try table(SKIFF_EXT_FILESYSTEM, skiff_filesystem(), needs: "plan or serve") {
                $0.plan != nil && $0.serve != nil
            } ?? filesystem
        imageFormat =
            try table(SKIFF_EXT_IMAGE_FORMAT, skiff_image_format(), needs: "probe or describe") {
                $0.probe != nil && $0.describe != nil
            } ?? imageFormat
        doctor = try table(SKIFF_EXT_DOCTOR, skiff_doctor(), needs: "examine") { $0.examine != nil } ?? doctor
        network =
            try table(SKIFF_EXT_NETWORK, skiff_network(), needs: "validate, attach or detach") {
                $0.validate != nil && $0.attach != nil && $0.detach != nil
            } ?? network
        transport =
            try table(SKIFF_EXT_TRANSPORT, skiff_transport(), needs: "resolve or fetch") {
                $0.resolve != nil && $0.fetch != nil
            } ?? transport
        try checkPushing()
        buildTarget =
            try table(SKIFF_EXT_BUILD_TARGET, skiff_build_target(), needs: "write") { $0.write != nil } ?? buildTarget
        crypto =
            try table(SKIFF_EXT_CRYPTO, skiff_crypto(), needs: "unlock, resume, volume_size, read_block or close") {
                $0.unlock != nil && $0.resume != nil && $0.volume_size != nil && $0.read_block != nil && $0.close != nil
            } ?? crypto
        try checkWriting()
    }

    /// Returns a table that the manifest names; nil for one that it does not.
    /// - Parameters:
    ///   - empty: an empty table.
    ///   - needs: the slots without which it cannot be used, for the message.
    private func table<Table>(_ id: String, _ empty: Table, needs: String, _ isWhole: (Table) -> Bool)
        throws(SkiffError) -> Table?
    {
        guard manifest.extensions.contains(id) else { return nil }
        let table = readTable(try find(id), into: empty) ?? empty
        guard isWhole(table) else { throw manifest.failure("load", "\(id) of the library lacks \(needs)") }
        return table
    }

    private func checkPushing() throws(SkiffError) {
        if (transport.push == nil) == manifest.pushSchemes.isEmpty { return }
        let fact =
            transport.push == nil ? "cannot push, as its manifest says" : "can push, but its manifest does not say so"
        throw manifest.failure("load", "the library \(fact)")
    }

    private func checkWriting() throws(SkiffError) {
        let missing = [
            crypto.format == nil, crypto.write_block == nil, crypto.finish == nil, crypto.abort == nil,
            crypto.read_back == nil,
        ]
        guard missing.allSatisfy({ $0 == missing[0] }) else {
            throw manifest.failure("load", "\(SKIFF_EXT_CRYPTO) of the library can write only in part")
        }
    }

    /// Returns a table of the plugin by id, or nil.
    func find(_ id: String) throws(SkiffError) -> UnsafeRawPointer? {
        guard let ask = root.get_extension else { return nil }
        return try manifest.running("get_extension") { id.withCString { ask(object, $0) } }
    }

    /// Whether the last call failed, and the plugin said nothing about it.
    private(set) var failedSilently = false {
        didSet { hasFailedSilently = hasFailedSilently || failedSilently }
    }
    /// The same of any call.
    private(set) var hasFailedSilently = false

    /// Runs code of the plugin: it is marked in case it crashes, and its failure becomes our error.
    /// - Returns: `SKIFF_OK` or `SKIFF_DECLINED`.
    @discardableResult
    func call(_ station: String, _ body: () -> Int32) throws(SkiffError) -> Int32 {
        diagnostics.clear()
        let status: Int32
        do throws(SkiffError) {
            status = try manifest.running(station, body)
        } catch {
            // What the plugin says itself comes first.
            guard let said = diagnostics.failure else { throw error }
            throw manifest.failure(station, said.message, errno: said.errno, hint: said.hint)
        }
        let said = diagnostics.failure
        failedSilently = status > SKIFF_DECLINED || status < 0 && said == nil
        if status == SKIFF_OK || status == SKIFF_DECLINED { return status }
        if status > 0 { throw manifest.failure(station, "it answered \(status), which is no status") }
        let message = said?.message ?? "it failed without a reason (\(statusName(status)))"
        throw manifest.failure(station, message, errno: said?.errno, hint: said?.hint)
    }
}

extension Manifest {
    /// Runs code of the plugin, which is known to have been running if it ends the process.
    func running<Result>(_ station: String, _ body: () -> Result) throws(SkiffError) -> Result {
        CallRecord.current?.begin("\(id): \(station)")
        let result = ProcessCare.current?.running(body) ?? body()
        CallRecord.current?.end()
        try ProcessCare.current?.collect("\(id): \(station)")
        return result
    }

    /// To be called after calls of the plugin, before anything else is done.
    /// - Throws: when it did to the process what cannot be undone.
    func lookAtProcess(after station: String) throws(SkiffError) {
        try ProcessCare.current?.look(after: "\(id): \(station)")
    }

    /// `plugin org.example.hello: mounts: cannot …`.
    func failure(_ station: String, _ message: String, errno: Errno? = nil, hint: String? = nil) -> SkiffError {
        SkiffError("plugin \(id): \(station): \(message)", errno: errno, hint: hint)
    }
}

extension skiff_phases {
    func has(_ phase: PluginPhase) -> Bool {
        switch phase {
        case .configure: configure != nil
        case .prepare: prepare != nil
        case .mounts: mounts != nil
        case .environment: environment != nil
        case .entered: entered != nil
        case .preExec: pre_exec != nil
        case .started: started != nil
        case .stopped: stopped != nil
        }
    }
}

/// Returns `SKIFF_E_SYSTEM` or the like, for a plugin that gave no reason.
func statusName(_ status: Int32) -> String {
    switch status {
    case SKIFF_E_INVALID: "SKIFF_E_INVALID"
    case SKIFF_E_UNSUPPORTED: "SKIFF_E_UNSUPPORTED"
    case SKIFF_E_DENIED: "SKIFF_E_DENIED"
    case SKIFF_E_SYSTEM: "SKIFF_E_SYSTEM"
    case SKIFF_E_NOT_UNDERSTOOD: "SKIFF_E_NOT_UNDERSTOOD"
    case SKIFF_E_HOST_TOO_OLD: "SKIFF_E_HOST_TOO_OLD"
    case SKIFF_E_INTERNAL: "SKIFF_E_INTERNAL"
    case SKIFF_E_PHASE: "SKIFF_E_PHASE"
    case SKIFF_E_CANCELLED: "SKIFF_E_CANCELLED"
    case SKIFF_E_TIMEOUT: "SKIFF_E_TIMEOUT"
    default: "status \(status)"
    }
}
