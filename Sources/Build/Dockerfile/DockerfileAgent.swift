import Core
import Dockerfile
import Linux

/// `Bootstrap: dockerfile` and `buildkit`: what a Dockerfile makes becomes the base (deffile.md §2). Also
/// `build IMAGE Dockerfile`, which is a definition of such a header alone.
struct DockerfileAgent: BootstrapAgent {
    func fill(_ order: BootstrapOrder) throws(SkiffError) -> BaseContent {
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
        let recipe = try DockerfileRecipe(
            file: absolutePath(name, in: context), name: name, context: context, options: options)
        return try DockerfileBuild(recipe, order).run()
    }
}
