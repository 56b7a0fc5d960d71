import Base
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
            try MappedNamespace.remove(path)
        } catch {
            Log.warning("cannot remove \(path): \(error)")
        }
    }
}
