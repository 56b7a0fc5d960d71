import Base
import Core
import Linux
import PluginAPI

/// `skiff.host.plan/1`: checks what a plugin wants and writes it into the open plan, with the plugin's id as its origin.
nonisolated(unsafe) let planTable = permanent(
    skiff_host_plan(
        struct_size: UInt32(MemoryLayout<skiff_host_plan>.size), reserved: 0, add_mount: addMount, add_layer: addLayer,
        add_device: addDevice, add_variable: addVariable, want_namespace: wantNamespace, note: addNote, fact: planFact))

private let whileOpen: Set<PluginPhase> = [.prepare, .mounts, .environment]

/// Returns a reason for `--explain`, never empty.
private func reason(_ pointer: UnsafePointer<CChar>?, _ session: Session) -> String {
    guard let words = text(pointer), !words.isEmpty else { return "plugin \(session.plugin.manifest.name)" }
    return words
}

/// Whether a path is absolute, without `..`: the executor resolves it inside the root, this only catches mistakes
/// early.
private func isDestination(_ path: String) -> Bool {
    path.utf8.first == UInt8(ascii: "/") && !path.split(separator: "/").contains("..")
}

private func addMount(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_mount>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare, .mounts]) else { return SKIFF_E_DENIED }
    guard let mount = readRequest(request, into: skiff_mount()) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot understand a mount made for a newer skiff")
    }
    guard let destination = text(mount.destination), isDestination(destination) else {
        return session.refuse(
            SKIFF_E_INVALID, "cannot mount at \(text(mount.destination) ?? "nothing"): not an absolute path without ..")
    }
    let knownFlags = UInt32(
        SKIFF_MOUNT_READ_ONLY | SKIFF_MOUNT_NO_SUID | SKIFF_MOUNT_NO_DEV | SKIFF_MOUNT_NO_EXEC | SKIFF_MOUNT_NO_CREATE)
    guard let group = Mount.Group(rawValue: Int(mount.group)), mount.flags & ~knownFlags == 0 else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot mount \(destination): unknown group or flag")
    }
    guard let missing = missing(mount.missing), let source = source(mount) else {
        return session.refuse(SKIFF_E_INVALID, "cannot mount \(destination): kind and source do not fit")
    }
    session.draft?.mounts.append(
        Mount(
            group, source, at: destination, attributes: attributes(mount.flags), missing: missing,
            createDestination: mount.flags & UInt32(SKIFF_MOUNT_NO_CREATE) == 0,
            reason: reason(mount.reason, session), origin: session.plugin.manifest.id))
    return SKIFF_OK
}

private func missing(_ number: UInt32) -> Mount.Missing? {
    switch Int32(bitPattern: number) {
    case SKIFF_MISSING_FAIL: .fail
    case SKIFF_MISSING_WARN: .warn
    case SKIFF_MISSING_IGNORE: .ignore
    default: nil
    }
}

private func source(_ mount: skiff_mount) -> Mount.Source? {
    let given = text(mount.source) ?? ""
    switch Int32(bitPattern: mount.kind) {
    case SKIFF_MOUNT_BIND:
        return isDestination(given) ? .bind(given) : nil
    case SKIFF_MOUNT_FILESYSTEM:
        let options = (text(mount.options) ?? "").split(separator: ",").map(String.init)
        return given.isEmpty ? nil : .filesystem(type: given, options: options)
    case SKIFF_MOUNT_SESSION_DIRECTORY:
        return mount.mode <= 0o7777 ? .session(mode: mount.mode) : nil
    case SKIFF_MOUNT_FILE:
        guard mount.content_size <= 1 << 20, mount.content != nil || mount.content_size == 0 else { return nil }
        return .file(Array(UnsafeRawBufferPointer(start: mount.content, count: Int(mount.content_size))))
    case SKIFF_MOUNT_SYMLINK:
        return given.isEmpty ? nil : .symlink(given)
    default:
        return nil
    }
}

private func attributes(_ flags: UInt32) -> MountAttributes {
    var result: MountAttributes = []
    if flags & UInt32(SKIFF_MOUNT_READ_ONLY) != 0 { result.insert(.readOnly) }
    if flags & UInt32(SKIFF_MOUNT_NO_SUID) != 0 { result.insert(.noSuid) }
    if flags & UInt32(SKIFF_MOUNT_NO_DEV) != 0 { result.insert(.noDev) }
    if flags & UInt32(SKIFF_MOUNT_NO_EXEC) != 0 { result.insert(.noExec) }
    return result
}

private func addLayer(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_layer>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare, .mounts]) else { return SKIFF_E_DENIED }
    guard let layer = readRequest(request, into: skiff_layer()) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot understand a layer made for a newer skiff")
    }
    let path = text(layer.path) ?? ""
    let work = text(layer.work) ?? ""
    let kind: Layer.Kind
    switch Int32(bitPattern: layer.kind) {
    case SKIFF_LAYER_LOWER where isDestination(path): kind = .lower(path)
    case SKIFF_LAYER_UPPER where isDestination(path) && isDestination(work): kind = .upper(path, work: work)
    case SKIFF_LAYER_TEMPORARY_UPPER: kind = .temporaryUpper
    case SKIFF_LAYER_SERVED:
        return session.refuse(SKIFF_E_UNSUPPORTED, "cannot use an image as a layer: this skiff has no layer servers")
    default: return session.refuse(SKIFF_E_INVALID, "cannot use a layer: kind and path do not fit")
    }
    let new = Layer(kind, reason: reason(layer.reason, session), origin: session.plugin.manifest.id)
    if new.isWritable, let other = session.draft?.layers.first(where: \.isWritable) {
        return session.refuse(SKIFF_E_INVALID, "cannot use a second writable layer besides that of \(other.origin)")
    }
    session.draft?.layers.append(new)
    return SKIFF_OK
}

private func addDevice(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_device>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare, .mounts]) else { return SKIFF_E_DENIED }
    guard let device = readRequest(request, into: skiff_device()) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot understand a device made for a newer skiff")
    }
    guard let path = text(device.path), isPath(path, within: "/dev"), path != "/dev", isDestination(path) else {
        return session.refuse(SKIFF_E_INVALID, "cannot add device \(text(device.path) ?? ""): not below /dev")
    }
    session.draft?.devices.append(
        DeviceNode(path: path, reason: reason(device.reason, session), origin: session.plugin.manifest.id))
    return SKIFF_OK
}

private func addVariable(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_variable>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_DENIED }
    guard let variable = readRequest(request, into: skiff_variable()) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot understand a variable made for a newer skiff")
    }
    guard let name = text(variable.name), isVariableName(name) else {
        return session.refuse(SKIFF_E_INVALID, "cannot set variable \(text(variable.name) ?? ""): not a name")
    }
    let value = text(variable.value) ?? ""
    let operation: VariableChange.Operation
    switch Int32(bitPattern: variable.operation) {
    case SKIFF_VARIABLE_SET: operation = .set(value)
    case SKIFF_VARIABLE_UNSET: operation = .unset
    case SKIFF_VARIABLE_PREPEND_PATH: operation = .prependPath(value)
    case SKIFF_VARIABLE_APPEND_PATH: operation = .appendPath(value)
    default: return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot set variable \(name): unknown operation")
    }
    session.draft?.variables.append(
        VariableChange(
            name: name, operation: operation, reason: reason(variable.reason, session),
            origin: session.plugin.manifest.id))
    return SKIFF_OK
}

private func isVariableName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
}

private func wantNamespace(_ pointer: OpaquePointer?, _ which: UInt32, _ why: UnsafePointer<CChar>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare]) else { return SKIFF_E_DENIED }
    let kinds: [Int32: (Namespaces, String)] = [
        SKIFF_NAMESPACE_PID: (.pid, "PID"), SKIFF_NAMESPACE_IPC: (.ipc, "IPC"), SKIFF_NAMESPACE_UTS: (.uts, "UTS"),
        SKIFF_NAMESPACE_NETWORK: (.network, "network"), SKIFF_NAMESPACE_CGROUP: (.cgroup, "cgroup"),
    ]
    guard let (kind, name) = kinds[Int32(bitPattern: which)] else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot ask for namespace \(which): unknown")
    }
    session.draft?.namespaces.insert(kind)
    session.draft?.notes.append(
        PlanNote("\(name) namespace: \(reason(why, session))", origin: session.plugin.manifest.id))
    return SKIFF_OK
}

private func addNote(_ pointer: OpaquePointer?, _ words: UnsafePointer<CChar>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_DENIED }
    guard let words = text(words), !words.isEmpty else { return SKIFF_E_INVALID }
    session.draft?.notes.append(PlanNote(words, origin: session.plugin.manifest.id))
    return SKIFF_OK
}

private func planFact(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen), let draft = session.draft else { return SKIFF_E_DENIED }
    let answer: Int64
    switch text(name) {
    case "minimal-dev": answer = draft.minimalDev ? 1 : 0
    case "writable-image": answer = draft.writableImage ? 1 : 0
    case "writable-layers": answer = Int64(draft.layers.count(where: \.isWritable))
    case "rootless": answer = session.facts.isRootless ? 1 : 0
    default: return SKIFF_DECLINED
    }
    out?.pointee = answer
    return SKIFF_OK
}
