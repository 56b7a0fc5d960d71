import Base
import CLinux
package import ImageCache
import Linux

/// What all stages of a build share: whether and where results are kept.
package final class Workspace {
    /// The store of results; nil when every stage is a plain directory.
    package let store: StepStore?
    let mount: LayerMount
    let report: CacheReport
    /// What every result of this build depends on, besides its own step.
    let conditions: [StepFact]
    /// `--no-cache`: everything runs, and takes the place of what is kept.
    let replaces: Bool
    /// The directory of all that is not kept in the end. It is removed with the build.
    private let scratch: String?

    /// A build without kept results.
    package init() {
        store = nil
        mount = LayerMount(isUserNamespace: false)
        report = CacheReport(explains: false)
        (conditions, replaces, scratch) = ([], false, nil)
    }

    /// - Parameters:
    ///   - scratch: a directory on the store's file system that is removed when the build ends, however it ends.
    package init(
        _ store: StepStore, scratch: String, isUserNamespace: Bool, conditions: [StepFact], replaces: Bool,
        explains: Bool
    ) {
        self.store = store
        self.scratch = scratch
        mount = LayerMount(isUserNamespace: isUserNamespace)
        report = CacheReport(explains: explains)
        self.conditions = conditions
        self.replaces = replaces
    }

    func beginLayer() throws(SkiffError) -> String {
        guard let store, let scratch else { throw SkiffError("cannot make a layer: results are not kept") }
        return try store.begin(in: scratch)
    }

    /// Returns why layers cannot be mounted here, or nil when they can. It is tried, because kernels, file systems and security
    /// modules can all forbid it.
    func obstacle() -> Errno? {
        do throws(Errno) {
            guard let scratch else { return nil }
            let trial = scratch + "/trial"
            for name in ["", "/fs", "/work", "/empty", "/point"] { try makeDirectory(trial + name, mode: 0o755) }
            let flags = O_RDONLY | O_DIRECTORY
            let upper = try open(trial + "/fs", flags)
            let work = try open(trial + "/work", flags)
            let empty = try open(trial + "/empty", flags)
            try mount.mount([empty.raw], changes: (upper.raw, work.raw), at: trial + "/point")
            try unmount(trial + "/point", detach: true)
            return nil
        } catch {
            return error
        }
    }
}
