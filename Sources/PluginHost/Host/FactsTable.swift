import Base
import Core
import Linux
import PluginAPI

/// `skiff.host.facts/1`: what is known about the command, by name.
nonisolated(unsafe) let factsTable = permanent(
    skiff_host_facts(struct_size: UInt32(MemoryLayout<skiff_host_facts>.size), reserved: 0, number: number, text: fact))

private func number(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<Int64>?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let name = text(name), let out else { return SKIFF_E_INVALID }
    guard let answer = session.number(name) else { return SKIFF_DECLINED }
    out.pointee = answer
    return SKIFF_OK
}

private func fact(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ each: TextFunction?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let name = text(name) else { return SKIFF_E_INVALID }
    return deliver(session.text(name), each, context)
}

extension Session {
    fileprivate func number(_ name: String) -> Int64? {
        let request = facts.request
        return switch name {
        case "uid": Int64(realUID())
        case "gid": Int64(realGID())
        case "inside-uid": facts.insideUID.map { Int64($0) }
        case "privileged": facts.isPrivileged ? 1 : 0
        case "rootless": facts.isRootless ? 1 : 0
        case "contain": request.contain ? 1 : 0
        case "writable": request.writable ? 1 : 0
        case "explain": facts.isExplained ? 1 : 0
        case "user-namespace": facts.hasUserNamespace.map { $0 ? 1 : 0 }
        case "minimal-dev": draft?.minimalDev.map { $0 ? 1 : 0 }
        case "writable-layers": draft.map { Int64($0.layers.count(where: \.isWritable)) }
        default: nil
        }
    }

    fileprivate func text(_ name: String) -> String? {
        switch name {
        case "command": facts.command
        case "image": facts.image
        case "architecture": ELFMachine.own
        case "user": facts.user
        case "home": facts.home
        case "cwd": facts.directory
        case "app": facts.request.app
        case "instance": facts.instance
        case "metadata": facts.metadata()
        default: nil
        }
    }
}
