import Base
import CLinux
import Core
import Grammar
import InstalledGrammar
import Linux
import PluginHost

/// `skiff-docs man DIR [PREFIX]`, `skiff-docs completions DIR [PREFIX]`, `skiff-docs config FILE [PREFIX]`: writes what is
/// generated from the tables, for the installation and for packages. The plugins of PREFIX add what is theirs.
func write(_ arguments: [String]) throws(SkiffError) {
    guard arguments.count == 2 || arguments.count == 3 else {
        let usage = "usage: skiff-docs man DIR [PREFIX] | completions DIR [PREFIX] | config FILE [PREFIX]"
        throw SkiffError(usage, code: .usage)
    }
    let (kind, target) = (arguments[0], arguments[1])
    let plugins =
        arguments.count == 3
        ? InstalledPlugins(installation: Installation(program: arguments[2] + "/bin/skiff")).grammar : PluginGrammar()
    let grammar = Grammar(program: ProgramName(calledAs: "skiff"), plugins: plugins)
    let runtime = Grammar(program: ProgramName(calledAs: ProgramName.runtime))
    switch kind {
    case "man":
        for page in try grammar.allPages() + runtime.allPages() { try write(page.text, to: target, page.name) }
    case "completions":
        try write(grammar.completion(for: .bash), to: target, "skiff.bash")
        try write(grammar.completion(for: .zsh), to: target, "_skiff")
        try write(grammar.completion(for: .fish), to: target, "skiff.fish")
        try write(runtime.completion(for: .bash), to: target, "skiff-runtime.bash")
        try write(runtime.completion(for: .zsh), to: target, "_skiff_runtime")
        try write(runtime.completion(for: .fish), to: target, "skiff-runtime.fish")
    case "config":
        try write(try Settings().text(plugins.directives), to: parentPath(target) ?? ".", lastComponent(target))
    default: throw SkiffError("cannot write \(kind)", hint: "There are man, completions and config", code: .usage)
    }
}

func write(_ text: String, to directory: String, _ name: String) throws(SkiffError) {
    let path = directory + "/" + name
    try during("cannot write \(path)") { () throws(Errno) in
        try makeDirectories(directory)
        try writeFile(path, Array(text.utf8), mode: 0o644)
    }
}

do throws(SkiffError) {
    try write(Array(processArguments().dropFirst()))
} catch {
    Log.fatal("\(error)")
    exit(error.code == .usage ? 1 : 255)
}
