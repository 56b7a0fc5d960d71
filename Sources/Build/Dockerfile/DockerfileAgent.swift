import Base
import Core
import Dockerfile
import Linux
import Packing

/// `Bootstrap: dockerfile` and `buildkit`: what a Dockerfile makes becomes the base (Docs/spec/deffile.md §2). Also
/// `build IMAGE Dockerfile`, which is a definition of such a header alone.
struct DockerfileAgent: BootstrapAgent {
    func fill(_ order: BootstrapOrder) throws(SkiffError) -> BaseContent {
        let engine = StageEngine(Workspace(), at: order.root)
        let stage = try build(order, Workspace(), on: engine)
        return try DockerfileResult(config: stage.config, base: stage.base).content(try stage.root())
    }

    /// The same as steps of an engine that has done nothing yet.
    func build(_ order: BootstrapOrder, _ workspace: Workspace, on engine: StageEngine) throws(SkiffError)
        -> DockerfileStage
    {
        try DockerfileBuild(try recipe(order), order, workspace).run(on: engine)
    }

    private func recipe(_ order: BootstrapOrder) throws(SkiffError) -> DockerfileRecipe {
        let context = absolutePath(order.value("from"), in: order.directory)
        let named = order.value("filename")
        let name = named.isEmpty ? "Dockerfile" : named
        let frontend = order.value("frontend")
        guard frontend.isEmpty || frontend == "dockerfile.v0" else {
            throw SkiffError("While performing build: unknown frontend \(frontend)", hint: "Use dockerfile.v0")
        }
        var options = DockerfileOptions(order.options, target: order.value("target"))
        for word in order.value("buildargs").split(separator: " ") {
            guard let (name, value) = BuildArguments.split(String(word)), !name.isEmpty else {
                throw SkiffError(
                    "While performing build: BuildArgs: \(word) is not in name=value format",
                    hint: "Write BuildArgs: NAME=VALUE NAME=VALUE")
            }
            options.arguments[name] = options.arguments[name] ?? value
        }
        return try DockerfileRecipe(
            file: absolutePath(name, in: context), name: name, context: context, options: options)
    }
}
