import CLinux
import Core
import Linux

/// Files of an unfinished build.
struct BuildRemains {
    /// Removed at the end unless `keepsTemporary`.
    var temporary: String
    /// As `temporary`, for results of steps on their way into the cache; nil when none are kept.
    var kept: String?
    /// Removed always: after success it has been renamed away.
    var part: String
    var keepsTemporary: Bool

    /// What is gone already is fine: every process that watches the build may be the one that comes to this.
    func remove() {
        if !keepsTemporary { [temporary, kept].compactMap { $0 }.forEach(remove) }
        remove(part)
    }

    private func remove(_ path: String) {
        do throws(Errno) {
            try removeTree(path)
        } catch {
            if effectiveUID() != 0, (error == .accessDenied || error == .notPermitted), removeInNamespace(path) {
                return
            }
            Log.warning("cannot remove \(path): \(error)")
        }
    }

    /// Files may belong to users that exist only in the namespace of the build: its root may remove them.
    private func removeInNamespace(_ path: String) -> Bool {
        guard let child = try? cloneProcess() else { return false }
        if child == 0 {
            let isRemoved = (try? RootNamespace.enterToRemove()) != nil && (try? removeTree(path)) != nil
            _exit(isRemoved ? 0 : 1)
        }
        return (try? waitFor(child))??.status == .exited(0)
    }
}
