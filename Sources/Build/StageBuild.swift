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
    /// What the files have as records only, as in a build without privileges.
    package let keeping: RecordKeeping
    /// The time of a reproducible build, in seconds since 1970; nil for now.
    package let time: Int64?
}

/// One stage being built: a method for each step of Docs/spec/deffile.md §3, so that each can be kept or left out by
/// itself.
struct StageBuild {
    let definition: Definition
    let stage: Stage
    let options: BuildOptions
    let installation: Installation
    /// For files that are not part of the image; private to this stage.
    let temporary: String
    /// Where relative paths of the host start.
    let directory: String
    let ownsAllIDs: Bool
    let verification: BaseVerification
    /// `--update`: this root is there already, and its files stay.
    let isUpdate: Bool

    /// 1. `%pre` on the host.
    func pre(_ rootPath: String) throws(SkiffError) {
        guard options.wants(.pre), let script = stage.script(.pre) else { return }
        try scripts(rootPath).onHost(.pre, script)
    }

    /// 2. The agent's content and the files of every image, into an empty directory.
    func source(_ rootPath: String) throws(SkiffError) -> BaseContent {
        try BootstrapAgents.require(stage, installation).fill(request(rootPath))
    }

    /// What `source` gives depends on these; nil when the agent cannot tell.
    func sourceFacts() throws(SkiffError) -> [StepFact]? {
        guard var facts = try BootstrapAgents.require(stage, installation).facts(request("")) else { return nil }
        if options.fixesPermissions { facts.append(StepFact("--fix-perms", "yes")) }
        return facts
    }

    /// The steps of a Dockerfile, run; nil for any other agent.
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

    /// 2. The sandbox that is to be updated, as it is (`--update`).
    func existing(_ path: String, into rootPath: String) throws(SkiffError) -> BaseContent {
        Log.info("Building into existing container: \(path)")
        try LocalImage(
            path: path, root: rootPath, identity: options.identity, ownsAllIDs: ownsAllIDs
        ).unpack()
        var content = BaseContent()
        content.keepsMetadata = true
        return content
    }

    /// 2. What an image from layers needs so that its owner can work with it.
    func permissions(_ root: RootTree, _ base: BaseContent, isSandbox: Bool) throws(SkiffError) {
        guard base.fixesPermissions else { return }
        let permissions = Permissions(root: root)
        if options.fixesPermissions { return try permissions.fix() }
        if isSandbox, !ownsAllIDs, permissions.areHard { Permissions.warn() }
    }

    /// 2. What every image has besides the agent's content.
    func baseFiles(_ root: any ImageRoot, _ base: BaseContent) throws(SkiffError) {
        let isEmpty = BootstrapAgents.withEmptyRunscript.contains(stage.agent)
        try BaseFiles(
            root: root, keepsExisting: base.keepsMetadata, keepsApps: !stage.isWritten, hasEmptyRunscript: isEmpty
        ).write()
        for file in base.files { try root.write(file.path, file.bytes, mode: file.mode) }
    }

    /// 3. Applications, with `%appfiles`.
    func appSkeletons(_ root: RootTree) throws(SkiffError) {
        try AppSteps(root: root, stage: stage, definition: definition, directory: directory).write()
    }

    /// 4. One group of `%files from STAGE`.
    func files(_ group: Stage.FileGroup, from source: BuiltStage, to root: RootTree) throws(SkiffError) {
        Log.info("Copying files from stage \(group.stage ?? "")")
        try FilesStep(origin: .stage(source.root), root: root, definition: definition).copy(group.files)
    }

    /// 5. `%setup` on the host.
    func setup(_ root: RootTree) throws(SkiffError) {
        guard options.wants(.setup), let script = stage.script(.setup) else { return }
        try scripts(root.path).onHost(.setup, script)
    }

    /// 6. `%files` from the host.
    func filesFromHost(_ root: RootTree) throws(SkiffError) {
        guard options.wants(.files) else { return }
        for group in stage.files where group.stage == nil {
            try FilesStep(origin: .host(directory: directory), root: root, definition: definition).copy(group.files)
        }
    }

    /// 8. `%post` with every `%appinstall`, or a part of it, whatever `--section` says.
    func post(_ script: Stage.Script, _ root: RootTree) throws(SkiffError) {
        try scripts(root.path).post(script, root)
    }

    /// 9. What the definition says about the image.
    func metadata(_ root: RootTree, _ base: BaseContent, _ time: BuildTime) throws(SkiffError) {
        var description = ImageDescription(of: stage, in: definition, options)
        // The image was there before: this header did not make it.
        if isUpdate { description.header = [] }
        try MetadataFiles(root, description, base, options.packing, time).write()
    }

    /// 10. `%test`.
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
