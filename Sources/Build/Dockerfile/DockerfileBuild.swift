import Base
import Dockerfile
import ImageCache
import Linux
import Packing

/// A stage that is built: an engine whose steps are done, and what the instructions said besides changing files.
final class DockerfileStage {
    let engine: StageEngine
    /// Where its root file system is seen.
    let path: String
    var config: ContainerConfig
    /// Values of ARG.
    var arguments: [String: String]
    /// What the image that it started from brought along.
    var base: BaseContent

    private var sealed: RootTree?

    init(engine: StageEngine, path: String) {
        (self.engine, self.path, config, arguments, base) = (engine, path, .scratch, [:], BaseContent())
    }

    /// Returns the complete root file system, for stages that copy from it.
    func root() throws(SkiffError) -> RootTree {
        if let sealed { return sealed }
        let root = try engine.sealed()
        sealed = root
        return root
    }
}

/// Builds the stages that the wanted one needs, each once, as steps of the engine.
final class DockerfileBuild {
    let recipe: DockerfileRecipe
    let request: BootstrapRequest
    let fetched: FetchedFiles
    private let workspace: Workspace
    private var done: [Int: DockerfileStage] = [:]
    private var images: [String: DockerfileStage] = [:]
    private var plan: DockerfilePlan { recipe.plan }

    init(_ recipe: DockerfileRecipe, _ request: BootstrapRequest, _ workspace: Workspace) {
        (self.recipe, self.request, self.workspace) = (recipe, request, workspace)
        fetched = FetchedFiles(request)
    }

    /// Builds the wanted stage on an engine that has done nothing yet.
    func run(on engine: StageEngine) throws(SkiffError) -> DockerfileStage {
        try build(plan.target, DockerfileStage(engine: engine, path: request.root))
    }

    private func stage(_ index: Int) throws(SkiffError) -> DockerfileStage {
        if let stage = done[index] { return stage }
        let path = try makeDirectory("stage-\(index)")
        let stage = try build(index, DockerfileStage(engine: StageEngine(workspace, at: path), path: path))
        done[index] = stage
        return stage
    }

    private func build(_ index: Int, _ stage: DockerfileStage) throws(SkiffError) -> DockerfileStage {
        try begin(index, stage)
        let (config, arguments) = (stage.config, stage.arguments)
        var evaluator = try described { () throws(DockerfileError) in
            try StageEvaluator(plan, stage: index, config: config, arguments: arguments)
        }
        while let step = try described({ () throws(DockerfileError) in try evaluator.next() }) {
            try DockerfileSteps(build: self, workspace: workspace).run(step, on: stage.engine)
        }
        (stage.config, stage.arguments) = (evaluator.config, evaluator.arguments)
        return stage
    }

    private func described<Result>(_ body: () throws(DockerfileError) -> Result) throws(SkiffError) -> Result {
        do throws(DockerfileError) {
            return try body()
        } catch {
            throw error.described(in: recipe.name)
        }
    }

    private func makeDirectory(_ name: String) throws(SkiffError) -> String {
        let path = "\(request.temporary)/dockerfile/\(name)"
        try during("cannot make \(path)") { () throws(Errno) in
            try makeDirectories(path, mode: 0o755)
            // The umask of the build must not reach the root of an image.
            try chmod(path, 0o755)
        }
        return path
    }

    // MARK: - Where stages begin

    private func begin(_ index: Int, _ stage: DockerfileStage) throws(SkiffError) {
        let source = plan.stages[index].source
        switch plan.stages[index].base {
        case .scratch: break
        case .image(let name):
            try begin(stage, from: name, platform: plan.stages[index].platform, place: source.place)
        case .stage(let earlier):
            let base = try self.stage(earlier)
            (stage.config, stage.arguments, stage.base) = (base.config, base.arguments, base.base)
            if stage.engine.begin(from: base.engine) { return }
            if workspace.store == nil, try take(earlier, base, stage.path) { return }
            let root = try base.root()
            let step = BuildStep("FROM \(source.base)", place: "", input: .unknown("its base is not kept")) {
                (context) throws(SkiffError) in
                var copier = ImageCopy(
                    source: CopyTree(root: root.top), target: context.root, owners: OwnerWriter(self.request))
                do throws(ImageCopy.Failure) {
                    try copier.copyTree()
                } catch {
                    throw .step(
                        "cannot copy \(error.path.text)", at: source.place, in: self.recipe.name, errno: error.reason)
                }
            }
            try stage.engine.run(step)
        }
    }

    /// Takes over the directory of a stage that nothing else needs. If a trigger of a base image asks for that stage later, it
    /// is built again.
    ///
    /// - Returns: false when it is needed, or lies on another file system.
    private func take(_ earlier: Int, _ base: DockerfileStage, _ path: String) throws(SkiffError) -> Bool {
        guard uses(of: earlier) == 1 else { return false }
        do throws(Errno) {
            try rename(base.path, to: path)
        } catch {
            if error == .crossDevice { return false }
            throw SkiffError("cannot move \(base.path) to \(path)", errno: error)
        }
        done[earlier] = nil
        return true
    }

    /// Returns how many instructions need a stage.
    private func uses(of stage: Int) -> Int {
        var count = 0
        for (index, user) in plan.stages.enumerated() {
            if user.base == .stage(stage) { count += 1 }
            for instruction in user.source.instructions {
                switch instruction.kind {
                case .copy(let files): if names(files.from, stage, in: index) { count += 1 }
                case .run(let command): count += command.mounts.count { names($0.from, stage, in: index) }
                // A trigger is read only when it is due, and may copy from any stage.
                case .onbuild: count += 2
                default: break
                }
            }
        }
        return count
    }

    private func names(_ from: String?, _ stage: Int, in index: Int) -> Bool {
        guard let from else { return false }
        return (try? plan.source(from, in: index)) == .stage(stage)
    }

    private func begin(_ stage: DockerfileStage, from name: String, platform: Platform, place: DockerfilePlace)
        throws(SkiffError)
    {
        let image = DockerfileImage(name: name, platform: platform, place: place, recipe: recipe, request: request)
        let facts = try image.facts()
        let step = BuildStep(
            "FROM \(name)", place: "\(recipe.name):\(place.line)",
            input: facts.map { .facts($0) } ?? .unknown("nobody tells what \(name) is")
        ) { (context) throws(SkiffError) in
            Log.info(place.shown(in: self.recipe.name))
            let content = try image.fill(context.root.path)
            context.notes[.from] = content.json.text().bytes
        }
        try stage.engine.run(step)
        stage.base = try BaseContent(kept: stage.engine.note(.from) ?? [])
        stage.config = try image.config(stage.base)
    }

    /// Returns the stage or image that `--from` names.
    func source(_ base: DockerfilePlan.Base, at place: DockerfilePlace) throws(SkiffError) -> DockerfileStage {
        let key: String
        switch base {
        case .stage(let index): return try stage(index)
        case .scratch: key = "scratch"
        case .image(let name): key = name
        }
        if let stage = images[key] { return stage }
        let path = try makeDirectory("image-\(images.count)")
        let stage = DockerfileStage(engine: StageEngine(workspace, at: path), path: path)
        if case .image(let name) = base {
            try begin(stage, from: name, platform: plan.options.platform, place: place)
        }
        images[key] = stage
        return stage
    }
}

extension SkiffError {
    /// Returns the error of a step of a Dockerfile.
    static func step(
        _ message: String, at place: DockerfilePlace, in file: String, errno: Errno? = nil, hint: String? = nil
    ) -> SkiffError {
        let reason = errno.map { ": " + $0.description.prefix(1).lowercased() + $0.description.dropFirst() } ?? ""
        return SkiffError(
            "While performing build: \(message)\(reason)", hint: hint, details: [place.shown(in: file)])
    }
}
