import Base
import Core
import Linux
import PluginAPI

/// `skiff.host.settings/2`: configuration, flags, variables and places.
nonisolated(unsafe) let settingsTable = permanent(
    skiff_host_settings(
        struct_size: UInt32(MemoryLayout<skiff_host_settings>.size), reserved: 0, configuration: configuration,
        flag: flag, variable: variable, directory: directory))

let anyPhase = PluginPhase.allCases

typealias TextFunction = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?) -> Void

/// Hands values over one by one; nothing to hand over means "declined".
func deliver(_ values: [String], _ each: TextFunction?, _ context: UnsafeMutableRawPointer?) -> Int32 {
    guard let each else { return SKIFF_E_INVALID }
    for value in values { value.withTerminatedBytes { each(context, $0) } }
    return values.isEmpty ? SKIFF_DECLINED : SKIFF_OK
}

func deliver(_ value: String?, _ each: TextFunction?, _ context: UnsafeMutableRawPointer?) -> Int32 {
    deliver(value.map { [$0] } ?? [], each, context)
}

private func configuration(
    _ pointer: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ each: TextFunction?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let key = text(key) else { return SKIFF_E_INVALID }
    return deliver(session.facts.configuration(key), each, context)
}

private func flag(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ each: TextFunction?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let name = text(name), let flag = session.plugin.manifest.flags.first(where: { $0.name == name }) else {
        return session.refuse(SKIFF_E_DENIED, "cannot read flag \(text(name) ?? ""): it is not in the manifest")
    }
    return deliver(flag.values(in: session.facts.request.pluginFlags, of: session.plugin.manifest.id), each, context)
}

private func variable(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ each: TextFunction?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let name = text(name) else { return SKIFF_E_INVALID }
    for prefix in ["APPTAINER_", "SINGULARITY_", "SKIFF_"] where name.hasPrefix(prefix) { return SKIFF_E_DENIED }
    return deliver(session.facts.environment(name), each, context)
}

private func directory(
    _ pointer: OpaquePointer?, _ which: UnsafePointer<CChar>?, _ each: TextFunction?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    let installation = session.facts.installation
    switch text(which) {
    case "configuration": return deliver([installation.configurationDirectory], each, context)
    case "plugins": return deliver([installation.pluginDirectory], each, context)
    case "libexec": return deliver([installation.prefix + "/libexec/skiff"], each, context)
    case "share": return deliver([installation.prefix + "/share/skiff"], each, context)
    default: return SKIFF_DECLINED
    }
}
