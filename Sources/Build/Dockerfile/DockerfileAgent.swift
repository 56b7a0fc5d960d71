import Base
import Core
import Dockerfile
import Linux
import Packing

/// `Bootstrap: dockerfile` and `buildkit`: what a Dockerfile makes becomes the base (Docs/spec/deffile.md §2). Also
/// `build IMAGE Dockerfile`, which is a definition of such a header alone.
struct DockerfileAgent: BootstrapAgent {
    func fill(_ request: BootstrapRequest) throws(SkiffError) -> BaseContent {
        let engine = StageEngine(Workspace(), at: request.root)
        let stage = try build(request, Workspace(), on: engine)
        return try DockerfileResult(config: stage.config, base: stage.base).content(try stage.root())
    }

    /// The same as steps of an engine that has done nothing yet.
    func build(_ request: BootstrapRequest, _ workspace: Workspace, on engine: StageEngine) throws(SkiffError)
        -> DockerfileStage
    {
        try DockerfileBuild(try recipe(request), request, workspace).run(on: engine)
    }

    private func recipe(_ request: BootstrapRequest) throws(SkiffError) -> DockerfileRecipe {
        let context = absolutePath(request.value("from"), in: request.directory)
        let named = request.value("filename")
        let name = named.isEmpty ? "Dockerfile" : named
        let frontend = request.value("frontend")
        guard frontend.isEmpty || frontend == "dockerfile.v0" else {
            throw SkiffError("While performing build: unknown frontend \(frontend)", hint: "Use dockerfile.v0")
        }
        var options = DockerfileOptions(request.options, target: request.value("target"))
        for word in request.value("buildargs").split(separator: " ") {
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
