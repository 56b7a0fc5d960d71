import Base
import Core
import Linux
import PluginAPI

/// `skiff.host.secret/1`: secrets, if there are any to lend, and what is kept of them for the image server.
nonisolated(unsafe) let secretTable = permanent(
    skiff_host_secret(
        struct_size: UInt32(MemoryLayout<skiff_host_secret>.size), reserved: 0, borrow: borrow, keep: keep))

private func borrow(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?,
    _ use: (@convention(c) (UnsafeMutableRawPointer?, UnsafeRawPointer?, UInt64) -> Int32)?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let name = text(name), let use else {
        return session.refuse(SKIFF_E_INVALID, "cannot lend a secret: it has no name, or nobody takes it")
    }
    let borrower = { (bytes: UnsafeRawBufferPointer) in use(context, bytes.baseAddress, UInt64(bytes.count)) }
    do throws(SkiffError) {
        // Only while an image is opened or written: at other times nobody is asked for its key.
        if LentKey.names.contains(name) { return try session.key?.lend(name, to: borrower) ?? SKIFF_DECLINED }
        if name.hasPrefix(LentKey.new), LentKey.names.contains(String(name.dropFirst(LentKey.new.count))) {
            return try session.newKey?.lend(String(name.dropFirst(LentKey.new.count)), to: borrower) ?? SKIFF_DECLINED
        }
        guard let lend = session.facts.lendSecret else { return SKIFF_DECLINED }
        return try lend(name, borrower) ?? SKIFF_DECLINED
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, error.message, errno: error.errno, hint: error.hint)
    }
}

/// The most that a plugin keeps of a volume, in bytes.
let longestKept = 4096

private func keep(_ pointer: OpaquePointer?, _ bytes: UnsafeRawPointer?, _ count: UInt64) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase), session.keepsVolume else { return SKIFF_E_PHASE }
    guard let bytes, count > 0, count <= UInt64(longestKept) else {
        return session.refuse(
            SKIFF_E_INVALID, "cannot keep \(count) bytes for the image server: 1 to \(longestKept) can be")
    }
    guard session.kept == nil else {
        return session.refuse(SKIFF_E_INVALID, "cannot keep more for the image server: there is something")
    }
    do throws(Errno) {
        session.kept = try SecretMemory(copying: UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        return SKIFF_OK
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot lock memory for a key", errno: error)
    }
}
