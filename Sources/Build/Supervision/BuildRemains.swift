import Base
import Core
import Linux

/// Files of an unfinished build.
struct BuildRemains {
    /// The directory of temporary files, which is removed at the end unless `keepsTemporary`.
    var temporary: String
    /// The same for results of steps that are not in the cache yet; nil when none are kept.
    var kept: String?
    /// The unfinished image, which is always removed: after success it has another name.
    var part: String
    var keepsTemporary: Bool

    /// Each of the processes that watch the build may come here, so something may be gone already.
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
