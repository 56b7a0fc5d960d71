import Base
import ImageCache
import Linux
package import Ownership
package import Packing

/// A stage whose root file system is complete.
package struct BuiltStage {
    package let name: String?
    package let root: RootTree
    package let base: BaseContent
    /// What is only recorded on the files, as in a build without privileges.
    package let keeping: RecordKeeping
    /// The time of a reproducible build, in seconds since 1970; nil for now.
    package let time: Int64?
}

/// A stage that is being built: a method for each step of Docs/spec/deffile.md §3, so that the result of each can be kept.
struct StageBuild {
    let definition: Definition
    let stage: Stage
    let options: BuildOptions
    let installation: Installation
    /// For files that are not part of the image; private to this stage.
    let temporary: String
    /// The directory in which relative paths of the host start.
    let directory: String
    let ownsAllIDs: Bool
    let verification: BaseVerification
    /// Whether the sandbox that is there is changed (`--update`).
    let isUpdate: Bool

    /// Step 1: runs `%pre` on the host.
    func pre(_ rootPath: String) throws(SkiffError) {
        guard options.wants(.pre), let script = stage.script(.pre) else { return }
        try scripts(rootPath).onHost(.pre, script)
    }

    /// Step 2: fills an empty directory with the agent's content.
    func source(_ rootPath: String) throws(SkiffError) -> BaseContent {
        try BootstrapAgents.require(stage, installation).fill(request(rootPath))
    }

    /// Returns what the result of `source` depends on, or nil when the agent cannot tell.
    func sourceFacts() throws(SkiffError) -> [StepFact]? {
        guard var facts = try BootstrapAgents.require(stage, installation).facts(request("")) else { return nil }
        if options.fixesPermissions { facts.append(StepFact("--fix-perms", "yes")) }
        return facts
    }

    /// Runs the steps of a Dockerfile. Returns nil for any other agent.
    func dockerfile(_ workspace: Workspace, on engine: StageEngine, at rootPath: String) throws(SkiffError)
        -> DockerfileStage?
    {
        guard let agent = try BootstrapAgents.require(stage, installation) as? DockerfileAgent else { return nil }
        return try agent.build(request(rootPath), workspace, on: engine)
    }

    private func request(_ rootPath: String) -> BootstrapRequest {
        BootstrapRequest(
            stage: stage, root: rootPath, temporary: temporary, directory: directory, ownsAllIDs: ownsAllIDs,
            options: options, installation: installation, verification: verification)
    }

    /// Step 2 of `--update`: copies the sandbox as it is.
    func existing(_ path: String, into rootPath: String) throws(SkiffError) -> BaseContent {
        Log.info("Building into existing container: \(path)")
        try LocalImage(
            path: path, root: rootPath, identity: options.identity, ownsAllIDs: ownsAllIDs
        ).unpack()
        var content = BaseContent()
        content.keepsMetadata = true
        return content
    }

    /// Step 2: gives an image from layers the permissions that its owner needs to work with it.
    func permissions(_ root: RootTree, _ base: BaseContent, isSandbox: Bool) throws(SkiffError) {
        guard base.fixesPermissions else { return }
        let permissions = Permissions(root: root)
        if options.fixesPermissions { return try permissions.fix() }
        if isSandbox, !ownsAllIDs, permissions.areHard { Permissions.warn() }
    }

    /// Step 2: adds what every image has besides the agent's content.
    func baseFiles(_ root: any ImageRoot, _ base: BaseContent) throws(SkiffError) {
        let isEmpty = BootstrapAgents.withEmptyRunscript.contains(stage.agent)
        try BaseFiles(
            root: root, keepsExisting: base.keepsMetadata, keepsApps: !stage.isWritten, hasEmptyRunscript: isEmpty
        ).write()
        for file in base.files { try root.write(file.path, file.bytes, mode: file.mode) }
    }

    /// Step 3: makes the applications, with `%appfiles`.
    func appSkeletons(_ root: RootTree) throws(SkiffError) {
        try AppSteps(root: root, stage: stage, definition: definition, directory: directory).write()
    }

    /// Step 4: copies one group of `%files from STAGE`.
    func files(_ group: Stage.FileGroup, from source: BuiltStage, to root: RootTree) throws(SkiffError) {
        Log.info("Copying files from stage \(group.stage ?? "")")
        try FilesStep(origin: .stage(source.root), root: root, definition: definition).copy(group.files)
    }

    /// Step 5: runs `%setup` on the host.
    func setup(_ root: RootTree) throws(SkiffError) {
        guard options.wants(.setup), let script = stage.script(.setup) else { return }
        try scripts(root.path).onHost(.setup, script)
    }

    /// Step 6: copies `%files` from the host.
    func filesFromHost(_ root: RootTree) throws(SkiffError) {
        guard options.wants(.files) else { return }
        for group in stage.files where group.stage == nil {
            try FilesStep(origin: .host(directory: directory), root: root, definition: definition).copy(group.files)
        }
    }

    /// Step 8: runs `%post` with every `%appinstall`, or a part of it, whatever `--section` says.
    func post(_ script: Stage.Script, _ root: RootTree) throws(SkiffError) {
        try scripts(root.path).post(script, root)
    }

    /// Step 9: writes what the definition says about the image.
    func metadata(_ root: RootTree, _ base: BaseContent, _ time: BuildTime) throws(SkiffError) {
        var description = ImageDescription(of: stage, in: definition, options)
        // The image was there before: this header did not make it.
        if isUpdate { description.header = [] }
        try MetadataFiles(root, description, base, options.packing, time).write()
    }

    /// Step 10: runs `%test`.
    func test(_ root: RootTree) throws(SkiffError) {
        guard options.runsTest, let script = stage.script(.test) else { return }
        try scripts(root.path).test(script, root)
    }

    private func scripts(_ rootPath: String) -> ScriptRunner {
        ScriptRunner(
            rootPath: rootPath, definition: definition, options: options, installation: installation,
            temporary: temporary)
    }
}
