import CLinux
import Core
import Linux

/// Runs something as root of a user namespace of its own, with mounts of its own, as an ordinary user's launch does. Nothing
/// of it is seen outside: mounts do not go up from a less privileged namespace.
enum OwnNamespace {
    /// The status of a child whose ids could not be mapped.
    static let cannotMap: Int32 = 255

    /// This process must have only one thread.
    /// - Parameter life: of the child; returns its exit status.
    static func run(_ life: () -> Int32) throws(Errno) -> Int32 {
        let (uid, gid) = (effectiveUID(), effectiveGID())
        let child = try cloneProcess([.user, .mount])
        guard child == 0 else { return try waitFor(child)?.status.code ?? 0 }
        do throws(Errno) {
            try writeOwnMaps(uid: IDMap(inside: 0, outside: uid), gid: IDMap(inside: 0, outside: gid))
        } catch {
            _exit(cannotMap)
        }
        _exit(life())
    }
}
