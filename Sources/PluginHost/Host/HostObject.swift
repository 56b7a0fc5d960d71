import Base
import Linux
import PluginAPI

/// Returns the `skiff_host` that one plugin sees. It lives as long as the process, like its diagnostics.
func makeHost(for diagnostics: PluginDiagnostics) -> UnsafePointer<skiff_host> {
    permanent(
        skiff_host(
            struct_size: UInt32(MemoryLayout<skiff_host>.size), abi: UInt32(SKIFF_ABI_CURRENT), version: hostVersion,
            ctx: OpaquePointer(Unmanaged.passRetained(diagnostics).toOpaque()), get_extension: hostExtension,
            log: hostLog,
            fail: hostFail))
}

/// The version of the interface, as text; plugins show it but never compare it.
private nonisolated(unsafe) let hostVersion: UnsafePointer<CChar> = {
    let text = "skiff plugin interface \(SKIFF_ABI_MAJOR).\(SKIFF_ABI_MINOR)"
    let place = UnsafeMutablePointer<CChar>.allocate(capacity: text.utf8.count + 1)
    for (index, byte) in text.utf8.enumerated() { place[index] = CChar(bitPattern: byte) }
    place[text.utf8.count] = 0
    return UnsafePointer(place)
}()

func diagnostics(_ host: UnsafePointer<skiff_host>?) -> PluginDiagnostics? {
    guard let context = host?.pointee.ctx else { return nil }
    return Unmanaged<PluginDiagnostics>.fromOpaque(UnsafeRawPointer(context)).takeUnretainedValue()
}

private func hostExtension(_ host: UnsafePointer<skiff_host>?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    guard let id = text(id) else { return nil }
    switch id {
    case SKIFF_HOST_PLAN: return UnsafeRawPointer(planTable)
    case SKIFF_HOST_FACTS: return UnsafeRawPointer(factsTable)
    case SKIFF_HOST_STATE: return UnsafeRawPointer(stateTable)
    case SKIFF_HOST_IMAGE: return UnsafeRawPointer(imageTable)
    case SKIFF_HOST_IMAGE_EDIT: return UnsafeRawPointer(imageEditTable)
    case SKIFF_HOST_INSIDE: return UnsafeRawPointer(insideTable)
    case SKIFF_HOST_NETWORK: return UnsafeRawPointer(networkTable)
    case SKIFF_HOST_LIMITS: return UnsafeRawPointer(limitsTable)
    case SKIFF_HOST_MESSAGE: return UnsafeRawPointer(messageTable)
    case SKIFF_HOST_UNDO: return UnsafeRawPointer(undoTable)
    case SKIFF_HOST_SETTINGS: return UnsafeRawPointer(settingsTable)
    case SKIFF_HOST_RUN: return UnsafeRawPointer(runTable)
    case SKIFF_HOST_PROGRESS: return UnsafeRawPointer(progressTable)
    case SKIFF_HOST_SECRET: return UnsafeRawPointer(secretTable)
    case SKIFF_HOST_SERVICES: return UnsafeRawPointer(servicesTable)
    case SKIFF_HOST_CALLS: return UnsafeRawPointer(callsTable)
    default: return nil
    }
}

private func hostLog(_ host: UnsafePointer<skiff_host>?, _ level: Int32, _ message: UnsafePointer<CChar>?) {
    guard let diagnostics = diagnostics(host), let message = text(message) else { return }
    // One line: a plugin cannot forge a line of ours.
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    switch level {
    case ...SKIFF_LOG_ERROR: Log.error("plugin \(diagnostics.id): \(line)")
    case SKIFF_LOG_WARNING: Log.warning(line)
    case ...SKIFF_LOG_INFO: Log.info(line)
    case ...SKIFF_LOG_VERBOSE: Log.verbose("plugin \(diagnostics.id): \(line)")
    default: Log.debug("plugin \(diagnostics.id): \(line)")
    }
}

private func hostFail(
    _ host: UnsafePointer<skiff_host>?, _ status: Int32, _ errno: Int32, _ message: UnsafePointer<CChar>?
) {
    guard let diagnostics = diagnostics(host) else { return }
    // The second line is the hint. No line of ours can be forged: what is printed of both is one line.
    let lines = text(message)?.split(whereSeparator: \.isNewline).map(String.init) ?? []
    let hint = lines.dropFirst().joined(separator: " ")
    diagnostics.fail(
        PluginDiagnostics.Failure(
            status: status, message: lines.first ?? statusName(status), errno: errno > 0 ? Errno(errno) : nil,
            hint: hint.isEmpty ? nil : hint))
}
