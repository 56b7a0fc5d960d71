import Base
import Core
import Dockerfile
import Linux

/// `build IMAGE Dockerfile`: what was typed as a definition that has one header and nothing else.
struct DockerfileSpec {
    /// As typed.
    let file: String
    /// `--build-context`; the Dockerfile's directory without it.
    let context: String?
    /// `--target`; empty for the last stage.
    let target: String

    /// Whether a file that begins with these bytes is a Dockerfile, rather than a definition or an image.
    static func isDockerfile(_ head: [UInt8]) -> Bool {
        for line in DefinitionLine.all(head) {
            let words = line.trimmed.split(maxSplits: 1) { $0 == 0x20 || $0 == 0x09 }
            guard let word = words.first, word.first != 0x23 else { continue }
            let name = String(decoding: word.map(\.lowercased), as: UTF8.self)
            return words.count > 1 && (name == "from" || name == "arg")
        }
        return false
    }

    /// Reads the Dockerfile: what is wrong with it is told before anything is made.
    func definition(_ options: BuildOptions) throws(SkiffError) -> Definition {
        let path = try absolutePath(file)
        let context = try absolutePath(self.context ?? parentPath(path) ?? "/")
        let recipe = try DockerfileRecipe(
            file: path, name: file, context: context, options: DockerfileOptions(options, target: target))
        recipe.warn()
        // As typed where that is enough: a record should tell no more about this host than it must.
        let isInside = parentPath(path) == context
        let typed = self.context ?? parentPath(file) ?? "."
        var header: [(String, String)] = [
            ("bootstrap", "dockerfile"), ("from", typed), ("filename", isInside ? lastComponent(path) : path),
        ]
        if !target.isEmpty { header.append(("target", target)) }
        let stage = Stage(header: header.map { .init(key: $0.0, value: $0.1, line: 0) })
        let text = header.map { "\($0.0): \($0.1)\n" }.joined() + "\n"
        // So that the image can tell how it was made.
        var copy: [UInt8] = []
        for line in DefinitionLine.all(recipe.plan.dockerfile.text) {
            copy += (line.bytes.isEmpty ? [0x23] : [0x23, 0x20]) + line.bytes + [0x0A]
        }
        var definition = Definition(text: Array(text.utf8) + copy, stages: [stage])
        definition.name = file
        return definition
    }
}
