import Base
import Dockerfile
import ImageCache
import Linux
import Packing

/// Instructions that change files, as steps of the engine: what each depends on, and what it does.
struct DockerfileSteps {
    let build: DockerfileBuild
    let workspace: Workspace

    private var recipe: DockerfileRecipe { build.recipe }
    private var request: BootstrapRequest { build.request }

    func run(_ step: DockerfileStep, on engine: StageEngine) throws(SkiffError) {
        let place = "\(recipe.name):\(step.place.line)"
        let name: String
        let input: BuildStep.Input
        switch step.action {
        case .makeDirectory(let path, let owner):
            name = "WORKDIR"
            input = .facts([StepFact("its text", try StepStore.digest([path, owner]))])
        case .copy(let copy):
            name = copy.unpacks ? "ADD" : "COPY"
            input = try self.input(copy, step.place)
        case .run(let run):
            name = "RUN"
            input = try self.input(run, step.place)
        }
        let (file, shown) = (recipe.name, step.place)
        try engine.run(
            BuildStep(name, place: place, input: input) { (context) throws(SkiffError) in
                Log.info(shown.shown(in: file))
                try carryOut(step, in: context.root)
            })
    }

    // MARK: - What they depend on

    private func input(_ step: CopyStep, _ place: DockerfilePlace) throws(SkiffError) -> BuildStep.Input {
        let text =
            step.sources + step.files.flatMap { [$0.name, $0.content.text] } + [
                step.destination, step.owner ?? "", step.mode?.text ?? "", "\(step.unpacks) \(step.unpacksFetched)",
            ] + step.excluded.rules.map { ($0.takes ? "!" : "") + $0.pattern }
        var facts = [StepFact("its text", try StepStore.digest(text))]
        if let from = step.from {
            guard let identity = try build.source(from, at: place).engine.identity else {
                return .unknown("what it copies from is not kept")
            }
            facts.append(StepFact("the stage that it copies from", identity))
        } else if !step.sources.isEmpty, workspace.store != nil {
            facts.append(StepFact("the copied files", try copied(step.sources.filter { !CopyStep.isAddress($0) })))
            if let fetched = try fetched(step, place) { facts.append(StepFact("the fetched files", fetched)) }
        }
        return .facts(facts)
    }

    private func fetched(_ step: CopyStep, _ place: DockerfilePlace) throws(SkiffError) -> String? {
        let addresses = step.sources.filter(CopyStep.isAddress)
        if addresses.isEmpty { return nil }
        do throws(DockerfileProblem) {
            var texts: [String] = []
            for address in addresses { texts.append(try build.fetched.identity(address, checksum: step.checksum)) }
            return texts.joined(separator: " ")
        } catch {
            throw .step(error.message, at: place, in: recipe.name)
        }
    }

    /// The copy will say that a source is missing.
    private func copied(_ sources: [String]) throws(SkiffError) -> String {
        let context = try RootTree(recipe.context)
        let tree = CopyTree(root: context.top, ignored: recipe.ignored)
        var digest = try ContextDigest()
        for source in sources {
            guard let matches = try? SourceMatcher(tree).matches(source) else { continue }
            for match in matches { try digest.add(match, of: tree) }
        }
        return try digest.text()
    }

    private func input(_ step: RunStep, _ place: DockerfilePlace) throws(SkiffError) -> BuildStep.Input {
        if !request.options.binds.isEmpty { return .unknown("what --bind shows it may change") }
        if !request.options.pluginFlags.isEmpty { return .unknown("what plugins show it may change") }
        let words: [String] =
            switch step.program {
            case .arguments(let words): words
            case .script(let text): ["script", text.text]
            }
        var facts = [
            StepFact("its text", try StepStore.digest(words + [step.network])),
            StepFact("its variables", try StepStore.digest(step.environment)),
            StepFact("its user or directory", try StepStore.digest([step.user, step.directory])),
        ]
        var mounts: [String] = []
        for mount in step.mounts {
            mounts += [mount.kind.rawValue, mount.target, mount.source, mount.identifier, "\(mount.isWritable)"]
            mounts += ["\(mount.mode) \(mount.owner) \(mount.group)"]
            if let from = mount.from {
                guard let identity = try build.source(from, at: place).engine.identity else {
                    return .unknown("what it mounts is not kept")
                }
                mounts.append(identity)
            } else if mount.kind == .bind, workspace.store != nil {
                mounts.append(try copied([mount.source]))
            }
        }
        if !mounts.isEmpty { facts.append(StepFact("its mounts", try StepStore.digest(mounts))) }
        return .facts(facts)
    }

    // MARK: - What they do

    private func carryOut(_ step: DockerfileStep, in root: RootTree) throws(SkiffError) {
        switch step.action {
        case .makeDirectory(let path, let owner):
            let user = try ImageUsers(root).owner(owner, at: step.place, in: recipe.name)
            do throws(Errno) {
                try ImageDirectories(root: root, owners: OwnerWriter(request)).make(
                    TreePath(path), uid: user.uid, gid: user.gid)
            } catch {
                throw .step("cannot make \(path)", at: step.place, in: recipe.name, errno: error)
            }
        case .copy(let copy): try carryOut(copy, step.place, root)
        case .run(let run):
            var roots: [String] = []
            for mount in run.mounts {
                var path = ""
                if let from = mount.from { path = try build.source(from, at: step.place).root().path }
                roots.append(path)
            }
            try DockerfileRun(
                step: run, place: step.place, recipe: recipe, request: request, root: root, sources: roots,
                store: workspace.store
            ).run(as: try ImageUsers(root).user(run.user, at: step.place, in: recipe.name))
        }
    }

    private func carryOut(_ step: CopyStep, _ place: DockerfilePlace, _ root: RootTree) throws(SkiffError) {
        let owner = try step.owner.map { text throws(SkiffError) in
            try ImageUsers(root).owner(text, at: place, in: recipe.name)
        }
        let isContext = step.from == nil
        var tree = try RootTree(recipe.context)
        if let from = step.from { tree = try build.source(from, at: place).root() }
        let copy = DockerfileCopy(
            step: step,
            source: CopyTree(root: tree.top, ignored: isContext ? recipe.ignored : IgnoreFile()),
            fetched: build.fetched, keepsOwners: !isContext, owner: owner, target: root, owners: OwnerWriter(request))
        do throws(DockerfileProblem) {
            for warning in try copy.run() { Log.warning("\(recipe.name):\(place.line): \(warning)") }
        } catch {
            throw .step(error.message, at: place, in: recipe.name)
        }
    }
}
