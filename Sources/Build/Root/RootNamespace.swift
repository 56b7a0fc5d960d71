import Core
import Linux

/// The user namespace in which an ordinary user is root for the time of a build: one, held from the first file to the last,
/// so that owners mean the same in all of it (decision 7).
enum RootNamespace {
    /// Called while this process has one thread: unshare(2) CLONE_NEWUSER refuses otherwise.
    static func enter() throws(SkiffError) {
        let uid = effectiveUID()
        let gid = effectiveGID()
        if uid == 0 { return }
        do throws(Errno) {
            try enterNew([.user, .mount])
            try writeOwnMaps(uid: IDMap(inside: 0, outside: uid), gid: IDMap(inside: 0, outside: gid))
        } catch {
            throw SkiffError(
                "cannot make the user namespace of an unprivileged build", errno: error,
                hint: NamespaceAdvice.hint(for: error))
        }
        Log.verbose("Building as root of a user namespace with one user: all files belong to root in the image")
    }
}
