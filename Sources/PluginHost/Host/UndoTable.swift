import Base
import Core
import Linux
import PluginAPI

/// `skiff.host.undo/2`: records of what must be taken back.
nonisolated(unsafe) let undoTable = permanent(
    skiff_host_undo(
        struct_size: UInt32(MemoryLayout<skiff_host_undo>.size), reserved: 0, push: pushRecord, drop: dropRecord))

private let undoPhases: [PluginPhase] = [.prepare, .mounts, .environment, .started]

private func pushRecord(
    _ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_undo>?, _ out: UnsafeMutablePointer<UInt64>?
) -> Int32 {
    guard let session = Session.from(pointer, in: undoPhases) ?? Session.ofOwnCommand(pointer) else {
        return SKIFF_E_PHASE
    }
    guard let undo = readRequest(request, into: skiff_undo()) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot understand a record made for a newer skiff")
    }
    guard let kind = UndoRecord.Kind(rawValue: undo.kind) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot write down what to undo: unknown kind \(undo.kind)")
    }
    let object = text(undo.object) ?? ""
    guard kind == .deleteLink ? isInterface(object) : object.utf8.first == UInt8(ascii: "/"),
        undo.input_size <= 65536, undo.input != nil || undo.input_size == 0
    else {
        return session.refuse(SKIFF_E_INVALID, "cannot write down what to undo: \(object) is not what its kind needs")
    }
    let record = UndoRecord(
        kind: kind, plugin: session.plugin.manifest.id, object: object, detail: text(undo.detail) ?? "",
        arguments: strings(undo.arguments),
        input: Array(UnsafeRawBufferPointer(start: undo.input, count: Int(undo.input_size))),
        reason: text(undo.reason) ?? "")
    do throws(SkiffError) {
        let handle = try session.record(record)
        session.draft?.keepsMonitor = true
        out?.pointee = handle
        return SKIFF_OK
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, error.message, errno: error.errno)
    }
}

/// IFNAMSIZ of linux/if.h, and what the kernel takes for a name.
private func isInterface(_ name: String) -> Bool {
    (1...15).contains(name.utf8.count) && name != "." && name != ".."
        && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") || $0 <= 0x20 }
}

private func dropRecord(_ pointer: OpaquePointer?, _ handle: UInt64) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase), !session.isInChild else { return SKIFF_E_PHASE }
    do throws(Errno) {
        return try session.drop(handle) ? SKIFF_OK : SKIFF_DECLINED
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot write down that something is undone", errno: error)
    }
}
