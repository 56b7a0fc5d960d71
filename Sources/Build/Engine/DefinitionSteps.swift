import Base
import Core
import Digest
import Dockerfile
import ImageCache
import Linux
import Packing

/// A stage of a definition file as steps of the engine, in the order of Docs/spec/deffile.md §3.
///
/// `%pre` is not among them, because it works on the host alone. Neither are the metadata and `%test`: they are quick, belong
/// to this build, and always run.
struct DefinitionSteps {
    let build: StageBuild
    let earlier: [StageResult]
    /// `--fix-perms` and its warning.
    let isSandbox: Bool
    /// For a Dockerfile, whose steps were run already.
    let dockerfile: DockerfileStage?
    /// The sandbox that is updated; nil for a build from the beginning.
    let updated: String?

    private var stage: Stage { build.stage }

    func all() throws(SkiffError) -> [BuildStep] {
        var steps: [BuildStep] = []
        if let dockerfile { steps.append(try result(of: dockerfile)) } else { steps.append(try base()) }
        if !stage.apps.isEmpty { steps.append(try apps()) }
        steps += try filesFromStages()
        if build.options.wants(.setup), let script = stage.script(.setup) { steps.append(setup(script)) }
        if let files = try filesFromHost() { steps.append(files) }
        return try steps + post()
    }

    /// Returns what the agent left to the build, which is kept with its result.
    static func base(of engine: StageEngine) throws(SkiffError) -> BaseContent {
        guard let bytes = engine.note(.base) else { return BaseContent() }
        return try BaseContent(kept: bytes)
    }

    /// Returns the step that writes what a Dockerfile says about its image; it takes the place of `base`.
    private func result(of dockerfile: DockerfileStage) throws(SkiffError) -> BuildStep {
        let (config, base) = (dockerfile.config, dockerfile.base)
        let texts = [config.json.text()] + base.files.flatMap { [$0.path, $0.bytes.text] }
        var facts = [StepFact("its configuration", try digest(texts + base.labels.flatMap { [$0.key, $0.value] }))]
        if build.options.fixesPermissions { facts.append(StepFact("--fix-perms", "yes")) }
        return BuildStep("Bootstrap: \(stage.agent)", input: .facts(facts)) { (context) throws(SkiffError) in
            let content = try DockerfileResult(config: config, base: base).content(context.root)
            try complete(content, &context)
        }
    }

    private func base() throws(SkiffError) -> BuildStep {
        let facts = updated == nil ? try build.sourceFacts() : nil
        let input = facts.map { BuildStep.Input.facts($0) } ?? .unknown("\(stage.agent) does not tell what it gives")
        return BuildStep("Bootstrap: \(stage.agent)", place: place(stage.field("bootstrap")?.line ?? 0), input: input) {
            (context) throws(SkiffError) in
            let path = context.root.path
            let content = if let updated { try build.existing(updated, into: path) } else { try build.source(path) }
            try complete(content, &context)
        }
    }

    /// Adds what every image has to a base, and notes what the base is.
    private func complete(_ content: BaseContent, _ context: inout StepContext) throws(SkiffError) {
        try build.permissions(context.root, content, isSandbox: isSandbox)
        try build.baseFiles(context.root, content)
        context.notes[.base] = content.json.text().bytes
    }

    private func apps() throws(SkiffError) -> BuildStep {
        var text: [String] = []
        for app in stage.apps {
            text += [app.name] + app.labels.flatMap { [$0.key, $0.value] }
            for section in AppSection.allCases where section != .install {
                text += [section.rawValue, app.scripts[section]?.body.text ?? ""]
            }
        }
        let files = stage.apps.flatMap(\.files)
        let facts = [
            StepFact("the text of its applications", try digest(text + lines(files))),
            StepFact("the copied files", try copied(files)),
        ]
        return BuildStep("%app", input: .facts(facts)) { (context) throws(SkiffError) in
            try build.appSkeletons(context.root)
        }
    }

    private func filesFromStages() throws(SkiffError) -> [BuildStep] {
        guard build.options.wants(.files) else { return [] }
        var steps: [BuildStep] = []
        for group in stage.files {
            guard let name = group.stage, let source = earlier.last(where: { $0.stage.name == name }) else { continue }
            var input = BuildStep.Input.unknown("stage \(name) is not kept")
            if let identity = source.identity {
                input = .facts([
                    StepFact("stage \(name)", identity), StepFact("its text", try digest(lines(group.files))),
                ])
            }
            steps.append(
                BuildStep("%files from \(name)", place: place(group.line), input: input) {
                    (context) throws(SkiffError) in
                    try build.files(group, from: source.stage, to: context.root)
                })
        }
        return steps
    }

    private func setup(_ script: Stage.Script) -> BuildStep {
        BuildStep("%setup", place: place(script.line), input: .outcome) { (context) throws(SkiffError) in
            try build.setup(context.root)
        }
    }

    private func filesFromHost() throws(SkiffError) -> BuildStep? {
        let groups = stage.files.filter { $0.stage == nil }
        guard build.options.wants(.files), let first = groups.first else { return nil }
        let files = groups.flatMap(\.files)
        let facts = [
            StepFact("its text", try digest(lines(files))), StepFact("the copied files", try copied(files)),
        ]
        return BuildStep("%files", place: place(first.line), input: .facts(facts)) { (context) throws(SkiffError) in
            try build.filesFromHost(context.root)
        }
    }

    private func post() throws(SkiffError) -> [BuildStep] {
        guard let script = stage.postScript else { return [] }
        let parts = PostSteps.split(script)
        var steps: [BuildStep] = []
        var lines = 0
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            let wrapped = PostSteps.wrapped(part, index: index, after: lines, isLast: isLast)
            lines += part.body.count { $0 == 0x0A }
            let name = parts.count == 1 ? "%post" : "%post step \(index + 1)"
            steps.append(
                BuildStep(name, place: place(part.line), input: try postInput(part)) { (context) throws(SkiffError) in
                    try run(wrapped, name, isLast: isLast, &context)
                })
        }
        return steps
    }

    private func postInput(_ part: Stage.Script) throws(SkiffError) -> BuildStep.Input {
        let options = build.options
        if !options.binds.isEmpty { return .unknown("what --bind shows it may change") }
        if !options.pluginFlags.isEmpty { return .unknown("what plugins show it may change") }
        let variables = EnvironmentPlan.inherited(from: environmentBytes()).map { hexadecimal($0) }.sorted()
        return .facts([
            StepFact("its text", try digest([part.arguments, part.body.text])),
            StepFact("its variables", try digest(variables)),
        ])
    }

    private func run(_ part: Stage.Script, _ name: String, isLast: Bool, _ context: inout StepContext)
        throws(SkiffError)
    {
        if let state = context.notes[.shell] { try context.root.write(PostSteps.stateFile, state, mode: 0o644) }
        try build.post(part, context.root)
        if isLast {
            context.notes[.shell] = nil
        } else if let state = PostSteps.state(context.root) {
            context.notes[.shell] = state
        } else {
            Log.warning("\(name) ended by exit: the next step does not get its variables and directory")
            context.notes[.shell] = context.notes[.shell] ?? []
        }
        try PostSteps.removeFiles(context.root)
    }

    // MARK: - Facts

    private func place(_ line: Int) -> String { line == 0 ? "" : build.definition.place(line) }

    private func lines(_ files: [Stage.File]) -> [String] { files.flatMap { [$0.source, $0.destination] } }

    private func digest(_ texts: [String]) throws(SkiffError) -> String { try StepStore.digest(texts) }

    private func copied(_ files: [Stage.File]) throws(SkiffError) -> String {
        let source = SourceTree(root: nil, directory: build.directory.bytes)
        var paths: [[UInt8]] = []
        // The copy will say which pattern cannot be read.
        for file in files { paths += ((try? source.expand(file.source)) ?? []).map(source.absolute) }
        return try TreeDigest.copied(paths, from: source)
    }
}
