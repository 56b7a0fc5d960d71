import Base
import CLinux
import Core
import Linux
import OCI
import SquashfsWriter

/// `layer-probe pack SOURCE IMAGE` and `layer-probe extract OWNERS SOURCE DIRECTORY`: what the layers of an image become,
/// with nothing added, for comparing it with what others make of them. OWNERS is `own`, `recorded` or `none`.
func probe(_ words: [String]) throws {
    guard words.count >= 3, let source = LocalSource(words[words.count - 2]), let target = words.last else {
        throw SkiffError("layer-probe pack SOURCE IMAGE | extract OWNERS SOURCE DIRECTORY")
    }
    let temporary = parentPath(target) ?? "."
    let image = try source.open(platform: .host, directory: currentDirectory(), temporary: temporary)
    let merged = try MergedImage(image)
    if words[0] == "pack" {
        let output = try open(target, O_RDWR | O_CREAT | O_TRUNC, mode: 0o644)
        _ = try merged.pack(into: SquashfsAssembly(output: output.raw, offset: 0))
        return
    }
    let owners: [String: TreeExtraction.Owners] = ["own": .own, "recorded": .recorded, "none": .none]
    let directory = try open(target, O_RDONLY | O_DIRECTORY)
    try TreeExtraction(merged, to: TreeRoot(adopting: directory), path: target, owners: owners[words[1]] ?? .none).run()
}

do {
    try probe(Array(CommandLine.arguments.dropFirst()))
} catch {
    Log.fatal("\(error)")
    exit(1)
}
