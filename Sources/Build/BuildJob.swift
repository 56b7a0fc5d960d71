import Base
import CLinux
import Core
import ImageCache
import Linux
import Ownership
import Packing
import SquashfsWriter

/// One build from the first file to the last rename, in the order of Docs/spec/deffile.md §3.
struct BuildJob {
    let definition: Definition
    let target: BuildTarget
    let options: BuildOptions
    let temporary: String
    let installation: Installation
    /// Where results of steps are kept; nil for a build that keeps none.
    let cache: BuildCache?

    func run() throws(SkiffError) {
        // Decided before the namespace makes everybody root.
        let ownsAllIDs = effectiveUID() == 0 && inInitialUserNamespace()
        try options.packing.encryption?.prepare()
        let directory = try during("cannot find the current directory") { () throws(Errno) in try currentDirectory() }
        let mask = setUmask(0o002)
        var options = options
        options.holdsTreesInMemory = try startsFromEncrypted()
        options.identity = try RootNamespace(
            options: options, directory: target.isSandbox ? parentPath(target.path) ?? "/" : temporary,
            keepsOwners: keepsOwners(), isInMemory: options.holdsTreesInMemory, installation: installation
        ).enter()
        Log.info("Starting build...")
        for stage in definition.stages {
            guard let agent = try? BootstrapAgents.require(stage, installation), !agent.verifiesSignatures else {
                continue
            }
            BaseVerification(stage, installation).demandNothing("\(stage.agent) gives no SIF")
        }
        if try packBase(options, directory, ownsAllIDs, umask: mask) { return try publish() }
        let workspace = try cache?.workspace(options, ownsAllIDs: ownsAllIDs) ?? Workspace()
        // Failed builds keep results, too, so they make room as well.
        defer { workspace.store?.tidy() }
        var results: [StageResult] = []
        for index in definition.stages.indices {
            let isLast = index == definition.stages.count - 1
            let build = StageBuild(
                definition: definition, stage: definition.stages[index], options: options, installation: installation,
                temporary: try makeTemporary(index), directory: directory, ownsAllIDs: ownsAllIDs,
                verification: BaseVerification(definition.stages[index], installation),
                isUpdate: isLast && options.isUpdate)
            results.append(try run(build, isLast: isLast, after: results, workspace))
        }
        if let last = results.last { try finish(last, options, umask: mask) }
        for result in results { result.engine.synchronize() }
        Log.info("Build complete: \(target.typed)")
    }

    /// Whether there is an encrypted image among those that the build starts from.
    /// - Throws: where that of the build would not be encrypted.
    private func startsFromEncrypted() throws(SkiffError) -> Bool {
        for stage in definition.stages where stage.agent == "localimage" {
            guard let path = stage.value("from"), let image = try? LocalImage.open(path), image.isEncrypted else {
                continue
            }
            guard options.encryption != nil, !target.isSandbox else {
                throw SkiffError(
                    "cannot build from \(path): it is encrypted, and what is built would not be",
                    hint: target.isSandbox
                        ? "Build an image with --encrypt, not a sandbox"
                        : "Give --encrypt, with the key by --passphrase, --pem-path or the like, and that of \(path) by a "
                            + "variable where it is another one")
            }
            return true
        }
        return false
    }

    private func publish() throws(SkiffError) {
        try target.publish(options)
        Log.info("Build complete: \(target.typed)")
    }

    /// Whether the owners of files are to be recorded on them: in a new sandbox, and in a build from one that has such records.
    private func keepsOwners() -> Bool {
        func isOwned(_ path: String) -> Bool {
            guard let image = try? LocalImage.open(path) else { return false }
            return image.isOwnedSandbox
        }
        if target.isSandbox && (options.isUpdate ? isOwned(target.path) : true) { return true }
        return definition.stages.contains { $0.agent == "localimage" && $0.value("from").map(isOwned) == true }
    }

    /// Packs what the image starts from without unpacking it, if the definition asks for no more.
    ///
    /// - Returns: false when the image has to be unpacked.
    private func packBase(_ options: BuildOptions, _ directory: String, _ ownsAllIDs: Bool, umask: mode_t)
        throws(SkiffError) -> Bool
    {
        guard !target.isSandbox, definition.onlyDescribes, !options.isUpdate, let stage = definition.stages.first else {
            return false
        }
        let verification = BaseVerification(stage, installation)
        switch try BootstrapAgents.require(stage, installation) {
        case let agent as any LayeredAgent:
            let base = try agent.open(
                BootstrapRequest(
                    stage: stage, root: "", temporary: temporary, directory: directory, ownsAllIDs: ownsAllIDs,
                    options: options, installation: installation, verification: verification))
            _ = setUmask(umask)
            try packer(stage, base.content, options).pack(try LayeredImage(base.image), to: target.part)
        case is LocalImageAgent:
            let image = try LocalImage.open(stage.value("from") ?? "")
            guard image.kind == .directory else { return false }
            try verification.verify(image, stage.value("from") ?? "")
            _ = setUmask(umask)
            let (root, identity) = (try RootTree(image.path), options.identity)
            let source = PlainDirectory(
                root, keeping: identity.keeping,
                forgetsOwners: !identity.knowsOwners(of: root.descriptor, ownsAllIDs: ownsAllIDs), excluded: temporary)
            try packer(stage, LocalImageAgent.content, options).pack(source, to: target.part)
        default: return false
        }
        return true
    }

    private func packer(
        _ stage: Stage, _ base: BaseContent, _ options: BuildOptions, creation: SIFCreation = SIFCreation()
    ) -> ImagePacker {
        let description = ImageDescription(of: stage, in: definition, options)
        return ImagePacker(description, base: base, options.packing, creation: creation)
    }

    /// Makes the directory of a stage for what is not part of its image.
    private func makeTemporary(_ index: Int) throws(SkiffError) -> String {
        let path = "\(temporary)/stage-\(index + 1)"
        try during("cannot make \(path)") { () throws(Errno) in try makeDirectory(path, mode: 0o700) }
        return path
    }

    private func run(
        _ build: StageBuild, isLast: Bool, after earlier: [StageResult], _ workspace: Workspace
    ) throws(SkiffError) -> StageResult {
        let isSandbox = isLast && target.isSandbox
        let workspace = build.isUpdate ? Workspace() : workspace
        // A sandbox is made next to its target, so that one rename is enough.
        let path = isSandbox && workspace.store == nil ? target.part : build.temporary + "/rootfs"
        try during("cannot make \(path)") { () throws(Errno) in try makeDirectory(path, mode: 0o755) }
        try build.pre(path)
        let engine = StageEngine(workspace, at: path)
        let dockerfile = build.isUpdate ? nil : try build.dockerfile(workspace, on: engine, at: path)
        let steps = DefinitionSteps(
            build: build, earlier: earlier, isSandbox: isSandbox, dockerfile: dockerfile,
            updated: build.isUpdate ? target.path : nil)
        try engine.run(try steps.all())
        let base = try DefinitionSteps.base(of: engine)
        var fixed: Int64?
        try engine.finish { (root) throws(SkiffError) in
            fixed = try FixedTime(options.packing).find(in: root, base)
            try build.metadata(root, base, BuildTime(seconds: fixed ?? engine.time ?? currentTime()))
            try build.test(root)
        }
        let stage = BuiltStage(
            name: build.stage.name, root: try engine.sealed(), base: base, keeping: build.options.identity.keeping,
            time: fixed)
        return try StageResult(stage: stage, engine: engine, source: build.stage)
    }

    private func finish(_ result: StageResult, _ options: BuildOptions, umask: mode_t) throws(SkiffError) {
        let stage = result.stage
        if target.isSandbox {
            Log.info("Creating sandbox directory...")
            if stage.root.path != target.part { try unpack(stage, options.identity) }
            if stage.keeping == .owners { try mark() }
        } else {
            _ = setUmask(umask)
            var options = options
            options.packing.squashfs.latestTime = (stage.time ?? result.engine.time).map { UInt32(clamping: $0) }
            try packer(result.source, stage.base, options, creation: result.creation).pack(
                CompleteTree(stage.root, keeping: stage.keeping), to: target.part)
        }
        try target.publish(options)
    }

    private func mark() throws(SkiffError) {
        try during("cannot mark the sandbox \(target.typed)") { () throws(Errno) in
            let top = try open(target.part, [.read, .directory])
            try OwnedSandbox.mark(top.raw)
        }
    }

    /// Copies a root file system that lies in the cache to the place of the sandbox.
    private func unpack(_ stage: BuiltStage, _ identity: BuildIdentity) throws(SkiffError) {
        try during("cannot make \(target.part)") { () throws(Errno) in try makeDirectory(target.part, mode: 0o755) }
        let copy = LocalImage(
            path: stage.root.path, root: target.part, identity: identity,
            ownsAllIDs: effectiveUID() == 0 && inInitialUserNamespace())
        try copy.copy(stage.root.path, target.typed)
    }
}
