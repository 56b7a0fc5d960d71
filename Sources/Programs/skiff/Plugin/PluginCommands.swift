import Base
import Core
import Grammar
import InstalledGrammar
import Linux
import PluginHost

/// `skiff plugin …`: lists what is installed and what it adds, enables and disables plugins, and runs the checker.
struct PluginCommands {
    private let installation: Installation
    let registry: InstalledPlugins

    init(installation: Installation, registry: InstalledPlugins) {
        self.installation = installation
        self.registry = registry
    }

    /// - Returns: the exit status.
    func run(_ invocation: Invocation) throws(SkiffError) -> CInt {
        let name = invocation.positionals.first ?? ""
        switch invocation.command {
        case "plugin list":
            let all = invocation[.all]
            for line in conflicts() { Log.warning(line) }
            if invocation[.json] { return try write(listJSON(all: all)) }
            if !all, let note = hiddenNote() { Log.info(note) }
            tellProblems(ofBroken: !all)
            return try write(list(all: all))
        case "plugin inspect":
            return try write(invocation[.json] ? try inspectJSON(name) : try inspect(name))
        case "plugin enable": return try change(name, enabled: true)
        case "plugin disable": return try change(name, enabled: false)
        case "plugin check": return try check(name, invocation)
        case "plugin devices":
            leave(try devices(invocation[.cdiDirs], asJSON: invocation[.json]))
        default:
            throw SkiffError(
                "cannot \(invocation.command.split(separator: " ").last ?? "manage") Apptainer's plugins: they are Go libraries",
                hint: "Plugins of skiff are files in \(installation.pluginDirectory); see the plugin guide")
        }
    }

    private func write(_ text: String) throws(SkiffError) -> CInt {
        try during("cannot write the answer") { () throws(Errno) in try writeAnswer(text) }
        return 0
    }

    /// Returns lines about names that two plugins have, or a plugin and skiff.
    func conflicts() -> [String] {
        Grammar(program: ProgramName(calledAs: "skiff"), plugins: registry.grammar).conflicts()
    }

    /// Returns a line about the plugins that the list leaves out; nil when none is installed.
    func hiddenNote() -> String? {
        let names = registry.entries.map(\.manifest).filter(\.isHidden).map(\.id)
        guard !names.isEmpty else { return nil }
        let verb = names.count == 1 ? "is" : "are"
        return "\(names.joined(separator: " and ")) \(verb) hidden: 'plugin list --all' shows all"
    }

    /// Says which plugins cannot be used or are not alone with a name.
    private func tellProblems(ofBroken: Bool) {
        if let refused = registry.broken.first(where: \.id.isEmpty) {
            Log.warning("no plugin can be used: \(refused.error.description)")
        } else if ofBroken {
            for broken in registry.broken {
                Log.warning("the plugin \(broken.id) cannot be used: \(broken.error.description)")
            }
        }
        registry.tellConflicts(of: registry.enabled.map(\.id))
    }

    /// Returns the list in Apptainer's columns. With `all`, hidden plugins and broken manifests are included.
    func list(all: Bool) -> String {
        var rows = registry.entries.filter { all || !$0.manifest.isHidden }.map { entry in
            let id = entry.manifest.id
            return (entry.manifest.isHidden ? id + "  (hidden)" : id, entry.isEnabled ? "yes" : "no")
        }
        if all { rows += registry.broken.map { (($0.id.isEmpty ? $0.file : $0.id).printableField, "broken") } }
        if rows.isEmpty { return "There are no plugins installed.\n" }
        let lines = rows.map { name, state in
            String(repeating: " ", count: max(0, 7 - state.utf8.count)) + "\(state)  \(name)\n"
        }
        return "ENABLED  NAME\n" + lines.joined()
    }

    func inspect(_ name: String) throws(SkiffError) -> String {
        let manifest = try find(name, to: "inspect").manifest
        var lines = [
            "Name: \(manifest.id)", "Description: \(manifest.description)", "Version: \(manifest.version)",
            "License: \(manifest.license)", "Interface: \(manifest.interface)", "Library: \(manifest.library)",
        ]
        lines += [("Phases", manifest.phases.map(\.rawValue)), ("Extensions", manifest.extensions)].compactMap {
            $1.isEmpty ? nil : "\($0): \($1.joined(separator: " "))"
        }
        lines += manifest.flags.map { flag in
            "Flag: --\(flag.name)\(flag.kind == .bool ? "" : " " + flag.valueText): \(flag.help)"
        }
        lines += manifest.commands.map { "Command: \($0.name): \($0.help)" }
        if !manifest.networks.isEmpty { lines.append("Networks: " + manifest.networks.joined(separator: ", ")) }
        if !manifest.targets.isEmpty { lines.append("Targets of builds: " + manifest.targets.joined(separator: ", ")) }
        lines += manifest.schemes.map { scheme in
            "Scheme: \(scheme):// (\(manifest.pushSchemes.contains(scheme) ? "pull, push" : "pull"))"
        }
        lines += manifest.settings.map(\.directive).map { directive in
            "Configuration: \(directive.name) = \(directive.reference.values): \(directive.comment)"
        }
        return lines.map { $0.printable + "\n" }.joined()
    }

    /// Lists devices; from here on in a process of its own.
    private func devices(_ directories: [String], asJSON: Bool) throws(SkiffError) -> CInt {
        var places: [String] = []
        for directory in directories { places.append(try absolutePath(directory)) }
        let found = try registry.devices(places, try Settings.load(installation), installation)
        if asJSON {
            let objects = found.map { JSONText.members(["name": .string($0.name), "plugin": .string($0.plugin)]) }
            return try write(JSONText.array(objects).text(indent: "  ") + "\n")
        }
        return try write(found.map { $0.name.printable + "\n" }.joined())
    }

    private func change(_ name: String, enabled: Bool) throws(SkiffError) -> CInt {
        let manifest = try find(name, to: enabled ? "enable" : "disable").manifest
        var state = try PluginState(reading: registry.stateFile, trust: .ofThisProcess)
        try state.set(manifest.id, enabled: enabled)
        return 0
    }

    /// Finds a manifest anywhere if the word is a path, else an installed plugin.
    func find(_ name: String, to verb: String) throws(SkiffError) -> (manifest: Manifest, directory: String) {
        if name.utf8.contains(UInt8(ascii: "/")) || name.hasSuffix(InstalledPlugins.suffix) {
            return try manifestFile(name)
        }
        if let entry = registry.find(name) { return (entry.manifest, registry.directory) }
        if let broken = registry.broken.first(where: { $0.id == name }) { throw broken.error }
        // Apptainer's words, with its full stop.
        throw SkiffError("Failed to \(verb) plugin \"\(name)\": plugin not found.")
    }

    /// Returns the manifest that the user names, as they would name a program: it need not belong to root.
    private func manifestFile(_ name: String) throws(SkiffError) -> (manifest: Manifest, directory: String) {
        let path = try during("cannot find plugin manifest \(name)") { () throws(Errno) in try realPath(name) }
        return (
            try InstalledPlugins.read(path, id: nil, trust: Trust(isPrivileged: false)), parentPath(path) ?? "/"
        )
    }

    private func check(_ name: String, _ invocation: Invocation) throws(SkiffError) -> CInt {
        let (manifest, directory) = try find(name, to: "check")
        func texts(_ key: FlagKey<String>) -> [Substring]? { invocation[key]?.split(separator: ",") }
        let (only, skip) = (texts(.only), texts(.skip) ?? [])
        let results = try Checker(
            manifest: manifest, directory: directory, conflicts: registry.conflicts(of: manifest)
        ).run { test in
            only?.contains { test.contains($0) } ?? true && !skip.contains { test.contains($0) }
        }
        _ = try write(invocation[.json] ? Checker.json(results, manifest) : Checker.text(results))
        return results.contains { $0.outcome == .failed || $0.outcome == .crashed } ? 1 : 0
    }
}

extension ManifestFlag {
    /// `strings=a,b`, `int 0-64`: what the flag takes, for people.
    fileprivate var valueText: String {
        var text = kind.rawValue
        if !values.isEmpty { text = values.joined(separator: "|") }
        if let range { text += " \(range.lowerBound) to \(range.upperBound)" }
        if let defaultValue { text += " (default \(defaultValue))" }
        return impliedValue.map { "[=\(text), alone \($0)]" } ?? text
    }
}
