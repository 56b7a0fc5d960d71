import Base
import Core
import PluginAPI

/// `skiff.host.secret/1`: secrets, if there are any to lend. The image server of an encrypted image comes with `keep`;
/// until then the slot is NULL.
nonisolated(unsafe) let secretTable = permanent(
    skiff_host_secret(
        struct_size: UInt32(MemoryLayout<skiff_host_secret>.size), reserved: 0, borrow: borrow, keep: nil))

private func borrow(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?,
    _ use: (@convention(c) (UnsafeMutableRawPointer?, UnsafeRawPointer?, UInt64) -> Int32)?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let name = text(name), let use else {
        return session.refuse(SKIFF_E_INVALID, "cannot lend a secret: it has no name, or nobody takes it")
    }
    guard let lend = session.facts.lendSecret else { return SKIFF_DECLINED }
    do throws(SkiffError) {
        return try lend(name) { use(context, $0.baseAddress, UInt64($0.count)) } ?? SKIFF_DECLINED
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, error.message, errno: error.errno)
    }
}
