import Base
import Core
import Linux
import SquashfsWriter

/// Makes a SIF straight from a directory, which is only read: nothing of it is copied, and what every image has is added
/// in memory.
struct DirectoryAssembly {
    private let source: RootTree
    private let definition: Definition
    private let options: BuildOptions

    /// - Parameter definition: of one stage that runs nothing and copies nothing; see `LayerAssembly.isEnough`.
    init(_ source: RootTree, _ definition: Definition, _ options: BuildOptions) {
        (self.source, self.definition, self.options) = (source, definition, options)
    }

    /// Writes `path`, which must not exist.
    ///
    /// - Parameters:
    ///   - temporary: of this build; not packed.
    ///   - ownsAllIDs: whether the owners of files are those that the image is to have: real root.
    func write(_ path: String, temporary: String, ownsAllIDs: Bool) throws(SkiffError) {
        guard let stage = definition.stages.first else { return }
        let base = LocalImageAgent.content
        let fixed = try FixedTime(options).find(in: source, base)
        let time = fixed ?? currentTime()
        let root = ChangedDirectory(source, time: time)
        try BaseFiles(root: root, keepsExisting: base.keepsMetadata, keepsApps: !stage.isWritten).write()
        let metadata = Metadata(
            root: root, definition: definition, stage: stage, base: base, options: options,
            time: BuildTime(seconds: time), isUpdate: false)
        try metadata.write()
        Log.info("Creating SIF file...")
        var creation = SIFCreation()
        creation.isDeterministic = fixed != nil
        var squashfs = options.squashfs
        squashfs.latestTime = fixed.map { UInt32(clamping: $0) }
        var assembly = SIFAssembly(
            root: source, definition: definition, objects: base.objects, options: squashfs, creation: creation,
            keeping: options.identity.keeping)
        assembly.changed = root
        assembly.forgetsOwners = !options.identity.knowsOwners(of: source.descriptor, ownsAllIDs: ownsAllIDs)
        assembly.excluded = temporary
        try assembly.write(path, architecture: ArchitectureProbe(root: source).architecture(wanted: options))
    }
}
