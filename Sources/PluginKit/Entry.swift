public import PluginAPI

/// Functions for the entry function and the handlers of a plugin.
public enum Kit {
    /// The host, set by `enter`.
    nonisolated(unsafe) static var host: UnsafePointer<skiff_host>?
    /// The one plugin of the library. Only one thread calls it.
    nonisolated(unsafe) static var plugin: (any Plugin)?

    /// Does all the work of an entry function and returns its status.
    public static func enter(
        _ abi: UInt32, _ host: UnsafePointer<skiff_host>?, _ out: UnsafeMutablePointer<UnsafePointer<skiff_plugin>?>?,
        _ make: () -> any Plugin
    ) -> Int32 {
        guard let host, let out else { return SKIFF_E_INVALID }
        guard abi == UInt32(SKIFF_ABI_CURRENT) else { return SKIFF_E_HOST_TOO_OLD }
        self.host = host
        let plugin = make()
        self.plugin = plugin
        phaseTable = permanent(makePhases(plugin.phases))
        cliTable = permanent(makeHandlers(plugin.handlers))
        if plugin is any NetworkPlugin { networkTable = permanent(makeNetworks()) }
        out.pointee = permanent(
            skiff_plugin(
                struct_size: UInt32(MemoryLayout<skiff_plugin>.size), abi: UInt32(SKIFF_ABI_CURRENT),
                id: permanentText(plugin.id), name: permanentText(plugin.name), version: permanentText(plugin.version),
                license: permanentText(plugin.license), data: nil, init: nil, deinit: nil, get_extension: findTable))
        return SKIFF_OK
    }

    /// Returns an argument of type `strings` as an array. Bytes that are not UTF-8 stay, for `Host` and `Session`.
    public static func strings(_ list: UnsafePointer<UnsafePointer<CChar>?>?, _ count: UInt64) -> [String] {
        UnsafeBufferPointer(start: list, count: Int(clamping: count)).compactMap { $0.map { String(bytes: $0) } }
    }

    /// Runs the body of a handler and returns its status; errors are reported to the host.
    public static func run(_ body: () throws(PluginError) -> Void) -> Int32 {
        do throws(PluginError) {
            try body()
            return SKIFF_OK
        } catch {
            if let message = error.message, let host {
                message.withTerminatedBytes { host.pointee.fail?(host, error.status, error.errno, $0) }
            }
            return error.status
        }
    }

    /// Shows the user a line, given without its line end.
    public static func log(_ level: LogLevel, _ message: String) {
        if let host { message.withTerminatedBytes { host.pointee.log?(host, level.rawValue, $0) } }
    }

    public enum LogLevel: Int32, Sendable {
        case error = -3
        case warning = -2
        case info = 1
        case verbose = 2
        case debug = 5
    }
}

nonisolated(unsafe) private var phaseTable: UnsafePointer<skiff_phases>?
nonisolated(unsafe) private var cliTable: UnsafePointer<skiff_cli>?
nonisolated(unsafe) private var networkTable: UnsafePointer<skiff_network>?

private func findTable(_ plugin: UnsafePointer<skiff_plugin>?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    switch id.map({ String(cString: $0) }) {
    case SKIFF_EXT_PHASES: UnsafeRawPointer(phaseTable)
    case SKIFF_EXT_CLI: UnsafeRawPointer(cliTable)
    case SKIFF_EXT_NETWORK: UnsafeRawPointer(networkTable)
    case let other?: Kit.plugin?.tables[other]
    default: nil
    }
}

private func makePhases(_ phases: Set<PluginPhase>) -> skiff_phases {
    typealias Slot = @convention(c) (UnsafePointer<skiff_plugin>?, OpaquePointer?) -> Int32
    func slot(_ phase: PluginPhase, _ slot: @escaping Slot) -> Slot? { phases.contains(phase) ? slot : nil }
    return skiff_phases(
        struct_size: UInt32(MemoryLayout<skiff_phases>.size), reserved: 0,
        configure: slot(.configure) { _, session in
            call(session) { (plugin, session) throws(PluginError) in try plugin.configure(session) }
        },
        prepare: slot(.prepare) { _, session in
            call(session) { (plugin, session) throws(PluginError) in try plugin.prepare(session) }
        },
        mounts: slot(.mounts) { _, session in
            call(session) { (plugin, session) throws(PluginError) in try plugin.mounts(session) }
        },
        environment: slot(.environment) { _, session in
            call(session) { (plugin, session) throws(PluginError) in try plugin.environment(session) }
        },
        entered: slot(.entered) { _, session in
            call(session) { (plugin, session) throws(PluginError) in try plugin.entered(session) }
        },
        pre_exec: slot(.preExec) { _, session in
            call(session) { (plugin, session) throws(PluginError) in try plugin.preExec(session) }
        },
        started: phases.contains(.started)
            ? { _, session, pid, pidfd in
                call(session) { (plugin, session) throws(PluginError) in
                    try plugin.started(session, pid: pid, pidfd: pidfd)
                }
            } : nil,
        stopped: phases.contains(.stopped)
            ? { _, session, status in
                call(session) { (plugin, session) throws(PluginError) in try plugin.stopped(session, status: status) }
            } : nil)
}

/// For functions of further tables: runs a body with the plugin's session, and returns its status.
extension Kit {
    public static func run(
        _ session: OpaquePointer?, _ body: (Session) throws(PluginError) -> Int32
    ) -> Int32 {
        var status = SKIFF_OK
        let failed = run { () throws(PluginError) in
            guard let session = Session(session) else {
                throw PluginError("cannot run without a session", status: SKIFF_E_INTERNAL)
            }
            status = try body(session)
        }
        return failed < 0 ? failed : status
    }

    /// Allocates a table that lives as long as the process.
    public static func table<Table>(_ value: Table) -> UnsafeRawPointer { UnsafeRawPointer(permanent(value)) }

    /// Allocates a text that lives as long as the process.
    public static func text(_ text: String) -> UnsafePointer<CChar> { permanentText(text) }
}

private func call(
    _ session: OpaquePointer?, _ body: (any Plugin, Session) throws(PluginError) -> Void
) -> Int32 {
    Kit.run { () throws(PluginError) in
        guard let plugin = Kit.plugin, let session = Session(session) else {
            throw PluginError("cannot run without a session", status: SKIFF_E_INTERNAL)
        }
        try body(plugin, session)
    }
}

private func makeHandlers(_ handlers: [Handler]) -> skiff_cli {
    let list = UnsafeMutablePointer<skiff_handler>.allocate(capacity: max(1, handlers.count))
    for (index, handler) in handlers.enumerated() {
        list.advanced(by: index).initialize(
            to: skiff_handler(
                name: permanentText(handler.name), signature: permanentText(handler.signature), fn: handler.function,
                reserved: 0))
    }
    return skiff_cli(
        struct_size: UInt32(MemoryLayout<skiff_cli>.size), handler_count: UInt32(handlers.count), handlers: list,
        handler_size: UInt64(MemoryLayout<skiff_handler>.stride))
}

/// Allocates a table or text that the host keeps. A plugin is never unloaded, so nothing is freed.
private func permanent<Value>(_ value: Value) -> UnsafePointer<Value> {
    let place = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    place.initialize(to: value)
    return UnsafePointer(place)
}

private func permanentText(_ text: String) -> UnsafePointer<CChar> {
    let bytes = text.utf8CString
    let place = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { place[index] = byte }
    return UnsafePointer(place)
}
