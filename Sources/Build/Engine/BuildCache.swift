import Base
import Core
import ImageCache
import Linux
import Packing

/// Where the steps of one build are kept, chosen before the build begins so that its guard can clean up there.
struct BuildCache {
    let store: StepStore
    /// The directory for what is not kept in the end.
    let scratch: String

    /// Nil for a build that keeps nothing: an image that only changes its form would lie in the cache a second time, and the
    /// content of an encrypted one would lie there in clear.
    init?(_ definition: Definition, _ options: BuildOptions) throws(SkiffError) {
        let hasSteps = definition.stages.contains {
            $0.postScript != nil || !$0.files.isEmpty || !$0.apps.isEmpty || $0.agent == "dockerfile"
                || $0.agent == "buildkit"
        }
        guard hasSteps || definition.stages.count > 1, !options.isData,
            options.packing.encryption == nil, let cache = try CacheDirectory.ofUser(disabled: options.disablesCache)
        else { return nil }
        store = try StepStore(cache, removing: { try? MappedNamespace.remove($0) })
        scratch = store.chooseScratch()
    }

    /// Called in the namespaces of the build.
    func workspace(_ options: BuildOptions, ownsAllIDs: Bool) throws(SkiffError) -> Workspace {
        let isInitial = inInitialUserNamespace()
        let workspace = Workspace(
            store, scratch: scratch, isUserNamespace: !isInitial,
            conditions: [
                StepFact("the version of skiff", Version.number),
                StepFact("the architecture", options.packing.architecture + options.packing.architectureVariant),
                StepFact("how owners are kept", "\(isInitial) \(ownsAllIDs) \(options.identity.text)"),
            ],
            replaces: options.ignoresCache, explains: options.explainsCache)
        try store.makeScratch(scratch)
        let obstacle: Errno?
        do throws(Errno) {
            if isInitial { try LayerMount.isolate() }
            obstacle = workspace.obstacle()
        } catch {
            obstacle = error
        }
        guard let obstacle else { return workspace }
        let text = "Cache: steps are not kept: cannot mount an overlay in \(store.path): \(obstacle)"
        if options.explainsCache { Log.info(text) } else { Log.verbose(text) }
        return Workspace()
    }
}
