import Base
import Core
import Linux
import PluginAPI

/// `skiff.host.plan/3`: checks what a plugin wants and writes it into the open plan, with the plugin's id as its origin.
nonisolated(unsafe) let planTable = permanent(
    skiff_host_plan(
        struct_size: UInt32(MemoryLayout<skiff_host_plan>.size), reserved: 0, add_mount: addMount, add_layer: addLayer,
        add_device: addDevice, add_variable: addVariable, want_namespace: wantNamespace, note: addNote,
        variable: decidedVariable, add_group: addGroup, add_limit: addLimit, drop_capability: dropCapability,
        add_filter: addFilter, set_sysctl: setSysctl, set_hostname: setHostname, wrap: wrap))

let whileOpen: [PluginPhase] = [.prepare, .mounts, .environment]

/// Returns a reason for `--explain`, never empty.
func reason(_ pointer: UnsafePointer<CChar>?, _ session: Session) -> String {
    guard let words = text(pointer), !words.isEmpty else { return "plugin \(session.plugin.manifest.name)" }
    return words
}

/// Whether a path is absolute and has no `.`, `..` and needless slashes: the executor resolves it inside the root, this
/// only catches mistakes early.
func isDestination(_ path: String) -> Bool {
    path.utf8.first == UInt8(ascii: "/") && absolutePath(path, in: "/").utf8.elementsEqual(path.utf8)
}

private func addMount(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_mount>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare, .mounts]) else { return SKIFF_E_PHASE }
    guard let mount = readRequest(request, into: skiff_mount()) else {
        return session.refuse(unread: request, "mount")
    }
    guard let destination = text(mount.destination), isDestination(destination) else {
        return session.refuse(
            SKIFF_E_INVALID,
            "cannot mount at \(text(mount.destination) ?? "NULL"): the destination must be an absolute path, "
                + "without '.', '..' and needless slashes")
    }
    let knownFlags = UInt32(
        SKIFF_MOUNT_FLAG_READ_ONLY | SKIFF_MOUNT_FLAG_NO_SUID | SKIFF_MOUNT_FLAG_NO_DEV | SKIFF_MOUNT_FLAG_NO_EXEC
            | SKIFF_MOUNT_FLAG_NO_CREATE)
    func unknown(_ what: String, _ number: UInt32) -> Int32 {
        session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot mount at \(destination): there is no \(what) \(number)")
    }
    guard let group = Mount.Group(number: mount.group) else { return unknown("group", mount.group) }
    guard mount.flags & ~knownFlags == 0 else { return unknown("flag", mount.flags & ~knownFlags) }
    guard let missing = Mount.Missing(number: mount.missing) else { return unknown("value of missing", mount.missing) }
    guard (1...5).contains(mount.kind) else { return unknown("kind", mount.kind) }
    guard let source = source(mount) else {
        return session.refuse(SKIFF_E_INVALID, "cannot mount at \(destination): its source does not fit its kind")
    }
    session.draft?.mounts.append(
        Mount(
            group, source, at: destination, attributes: attributes(mount.flags), missing: missing,
            createDestination: mount.flags & UInt32(SKIFF_MOUNT_FLAG_NO_CREATE) == 0,
            reason: reason(mount.reason, session), origin: session.plugin.manifest.id))
    return SKIFF_OK
}

extension Mount.Missing {
    /// - Parameter number: of `skiff/plan.h`.
    fileprivate init?(number: UInt32) {
        switch Int32(bitPattern: number) {
        case SKIFF_MISSING_FAIL: self = .fail
        case SKIFF_MISSING_WARN: self = .warn
        case SKIFF_MISSING_IGNORE: self = .ignore
        default: return nil
        }
    }
}

extension Mount.Group {
    /// - Parameter number: of `skiff/plan.h`.
    fileprivate init?(number: UInt32) {
        guard number > 0, number % 100 == 0 else { return nil }
        self.init(rawValue: Int(number / 100) - 1)
    }
}

private func source(_ mount: skiff_mount) -> Mount.Source? {
    let given = text(mount.source) ?? ""
    switch Int32(bitPattern: mount.kind) {
    case SKIFF_MOUNT_KIND_BIND:
        return isDestination(given) ? .bind(given) : nil
    case SKIFF_MOUNT_KIND_FILESYSTEM:
        let options = (text(mount.options) ?? "").split(separator: ",").map(String.init)
        return given.isEmpty ? nil : .filesystem(type: given, options: options)
    case SKIFF_MOUNT_KIND_SESSION_DIRECTORY:
        return mount.mode <= 0o7777 ? .session(mode: mount.mode) : nil
    case SKIFF_MOUNT_KIND_FILE:
        guard mount.content_size <= 1 << 20, mount.content != nil || mount.content_size == 0 else { return nil }
        return .file(Array(UnsafeRawBufferPointer(start: mount.content, count: Int(mount.content_size))))
    case SKIFF_MOUNT_KIND_SYMLINK:
        return given.isEmpty ? nil : .symlink(given)
    default:
        return nil
    }
}

private func attributes(_ flags: UInt32) -> MountAttributes {
    var result: MountAttributes = []
    if flags & UInt32(SKIFF_MOUNT_FLAG_READ_ONLY) != 0 { result.insert(.readOnly) }
    if flags & UInt32(SKIFF_MOUNT_FLAG_NO_SUID) != 0 { result.insert(.noSuid) }
    if flags & UInt32(SKIFF_MOUNT_FLAG_NO_DEV) != 0 { result.insert(.noDev) }
    if flags & UInt32(SKIFF_MOUNT_FLAG_NO_EXEC) != 0 { result.insert(.noExec) }
    return result
}

private func addDevice(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_device>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare, .mounts]) else { return SKIFF_E_PHASE }
    guard let device = readRequest(request, into: skiff_device()) else {
        return session.refuse(unread: request, "device")
    }
    func isNode(_ path: String) -> Bool { isPath(path, within: "/dev") && path != "/dev" && isDestination(path) }
    let path = text(device.path) ?? ""
    let inside = text(device.inside) ?? path
    guard isNode(path), isNode(inside) else {
        return session.refuse(SKIFF_E_INVALID, "cannot add device \(isNode(path) ? inside : path): not below /dev")
    }
    guard let missing = Mount.Missing(number: device.missing), device.type <= UInt32(SKIFF_DEVICE_BLOCK),
        device.permissions & ~everything == 0
    else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot add device \(path): unknown type, permission or missing")
    }
    let isOwn = device.mode != 0 || device.uid != 0 || device.gid != 0
    guard device.mode & ~0o666 == 0 else {
        return session.refuse(
            SKIFF_E_INVALID,
            "cannot add device \(path) with mode \(String(device.mode, radix: 8)): it has bits other than 666")
    }
    let canMake = session.facts.hasUserNamespace != true && effectiveUID() == 0 && session.draft?.minimalDev == true
    guard !isOwn || canMake else {
        return session.refuse(
            SKIFF_E_UNSUPPORTED,
            "cannot change owner or mode of device \(path): that needs root without a user namespace, and a /dev of the container's own"
        )
    }
    guard [0, everything].contains(device.permissions) || session.draft?.deviceLimit != nil else {
        return session.refuse(
            SKIFF_E_UNSUPPORTED,
            "cannot grant a part of device \(path): the container's devices are not limited (skiff.host.limits/1)")
    }
    if inside != path, session.phase == .mounts, session.draft?.minimalDev != true {
        return session.refuse(
            SKIFF_E_UNSUPPORTED, "cannot show device \(path) as \(inside): the host's whole /dev is there")
    }
    guard isDevice(path, device) else {
        switch missing {
        case .fail:
            return session.refuse(SKIFF_E_SYSTEM, "cannot add device \(path): there is no such device")
        case .warn: Log.warning("Skipping device \(path): there is no such device")
        case .ignore: break
        }
        return SKIFF_OK
    }
    session.draft?.devices.append(
        DeviceNode(
            path: path, inside: inside, missing: missing, rule: rule(path, device.permissions),
            own: isOwn ? ownNode(path, device) : nil,
            reason: reason(device.reason, session), origin: session.plugin.manifest.id))
    return SKIFF_OK
}

/// Nil for what is no device: the bind will say so.
private func ownNode(_ path: String, _ wanted: skiff_device) -> Mount.Node? {
    guard let found = try? status(path), found.isBlockDevice || found.isCharacterDevice else { return nil }
    return Mount.Node(
        isBlock: found.isBlockDevice, major: majorNumber(of: found.rawDevice), minor: minorNumber(of: found.rawDevice),
        mode: wanted.mode == 0 ? UInt32(found.permissions) & 0o666 : wanted.mode, uid: wanted.uid, gid: wanted.gid)
}

/// What lets a node in, where devices are limited.
private func rule(_ path: String, _ permissions: UInt32) -> DeviceRule? {
    guard let found = try? status(path), found.isBlockDevice || found.isCharacterDevice else { return nil }
    var access: DeviceRule.Access = permissions == 0 ? .all : []
    if permissions & UInt32(SKIFF_DEVICE_READ) != 0 { access.insert(.read) }
    if permissions & UInt32(SKIFF_DEVICE_WRITE) != 0 { access.insert(.write) }
    if permissions & UInt32(SKIFF_DEVICE_MAKE) != 0 { access.insert(.make) }
    return DeviceRule(
        allows: true, kind: found.isBlockDevice ? .block : .character, major: majorNumber(of: found.rawDevice),
        minor: minorNumber(of: found.rawDevice), access: access)
}

private let everything = UInt32(SKIFF_DEVICE_READ | SKIFF_DEVICE_WRITE | SKIFF_DEVICE_MAKE)

/// Whether a node is the one that the plugin means, where it says more than the path.
private func isDevice(_ path: String, _ wanted: skiff_device) -> Bool {
    guard wanted.type != UInt32(SKIFF_DEVICE_ANY) else { return true }
    guard let found = try? status(path) else { return false }
    let isType = wanted.type == UInt32(SKIFF_DEVICE_BLOCK) ? found.isBlockDevice : found.isCharacterDevice
    return isType && found.rawDevice == deviceNumber(major: wanted.major, minor: wanted.minor)
}

private func addVariable(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_variable>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard let variable = readRequest(request, into: skiff_variable()) else {
        return session.refuse(unread: request, "variable")
    }
    guard let name = text(variable.name), isVariableName(name) else {
        return session.refuse(SKIFF_E_INVALID, "cannot set variable \(text(variable.name) ?? ""): not a name")
    }
    let value = text(variable.value) ?? ""
    let operation: VariableChange.Operation
    switch Int32(bitPattern: variable.operation) {
    case SKIFF_VARIABLE_SET: operation = .set(value)
    case SKIFF_VARIABLE_UNSET where name == "PATH" || name == "LD_LIBRARY_PATH":
        return session.refuse(SKIFF_E_UNSUPPORTED, "cannot remove \(name): every container has its own")
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

func isVariableName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
}

private func wantNamespace(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_namespace>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare]) else { return SKIFF_E_PHASE }
    guard let wanted = readRequest(request, into: skiff_namespace()) else {
        return session.refuse(unread: request, "namespace")
    }
    let which = wanted.which
    let nested = UInt32(SKIFF_NAMESPACE_MODE_NESTED)
    if which == UInt32(SKIFF_NAMESPACE_USER) || wanted.mode == nested {
        guard which == UInt32(SKIFF_NAMESPACE_USER), wanted.mode == nested else {
            return session.refuse(
                SKIFF_E_UNSUPPORTED, "cannot ask for a namespace: a user namespace is nested, and nothing else is")
        }
        return nest(session, wanted.fd, reason(wanted.reason, session))
    }
    let kinds: [Int32: (Namespaces, String)] = [
        SKIFF_NAMESPACE_PID: (.pid, "PID"), SKIFF_NAMESPACE_IPC: (.ipc, "IPC"), SKIFF_NAMESPACE_UTS: (.uts, "UTS"),
        SKIFF_NAMESPACE_NETWORK: (.network, "network"), SKIFF_NAMESPACE_CGROUP: (.cgroup, "cgroup"),
    ]
    guard let (kind, name) = kinds[Int32(bitPattern: which)] else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot ask for namespace \(which): unknown")
    }
    let why = reason(wanted.reason, session)
    switch Int32(bitPattern: wanted.mode) {
    case SKIFF_NAMESPACE_MODE_NEW: break
    case SKIFF_NAMESPACE_MODE_JOIN where kind == .network:
        let status = joinNetwork(session, wanted.fd, why)
        if status != SKIFF_OK { return status }
    case SKIFF_NAMESPACE_MODE_JOIN:
        return session.refuse(
            SKIFF_E_UNSUPPORTED, "cannot join a \(name) namespace: only a network namespace is joined")
    default: return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot ask for a namespace: no mode \(wanted.mode)")
    }
    session.draft?.namespaces.insert(kind)
    session.draft?.notes.append(PlanNote("\(name) namespace: \(why)", origin: session.plugin.manifest.id))
    return SKIFF_OK
}

private func joinNetwork(_ session: Session, _ descriptor: Int32, _ why: String) -> Int32 {
    if let other = session.draft?.joinedNetwork {
        return session.refuse(SKIFF_E_INVALID, "cannot join a network namespace: \(other.reason) has one already")
    }
    do throws(Errno) {
        // It is used when this call is long over.
        let own = try duplicate(descriptor)
        session.draft?.joinedNetwork = JoinedNetwork(
            .descriptor(own.release()), reason: why, origin: session.plugin.manifest.id)
        return SKIFF_OK
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot join a network namespace", errno: error)
    }
}

private func nest(_ session: Session, _ descriptor: Int32, _ why: String) -> Int32 {
    if let other = session.draft?.outerUser {
        return session.refuse(SKIFF_E_INVALID, "cannot nest the user namespace: \(other.reason) does it already")
    }
    do throws(Errno) {
        guard try kind(ofNamespace: descriptor) == .user else { throw .invalidArgument }
        let own = try duplicate(descriptor)
        session.draft?.outerUser = OuterUserNamespace(
            own.release(), reason: why, origin: session.plugin.manifest.id)
        return SKIFF_OK
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot nest the user namespace", errno: error)
    }
}

private func addNote(_ pointer: OpaquePointer?, _ words: UnsafePointer<CChar>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard let words = text(words), !words.isEmpty else { return SKIFF_E_INVALID }
    session.draft?.notes.append(PlanNote(words, origin: session.plugin.manifest.id))
    return SKIFF_OK
}

private func decidedVariable(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ each: TextFunction?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen), let draft = session.draft else { return SKIFF_E_PHASE }
    guard let name = text(name) else { return SKIFF_E_INVALID }
    guard let decide = draft.decideEnvironment else { return SKIFF_E_PHASE }
    do throws(SkiffError) {
        return deliver(try decide(draft).decided(name).map { String(bytes: $0) }, each, context)
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, error.message, errno: error.errno)
    }
}
