import Base
import Core
import Grammar
import Linux
import PluginHost

/// `skiff plugin …`: lists what is installed and what it adds, enables and disables plugins, and runs the checker.
struct PluginCommands {
    private let installation: Installation
    private let registry: InstalledPlugins

    init(installation: Installation, registry: InstalledPlugins) {
        self.installation = installation
        self.registry = registry
    }

    /// Plugins that come with skiff. `plugin list` leaves them out: scripts written for Apptainer count its lines.
    static let stock: Set<String> = ["org.skiff.overlay", "org.skiff.nvidia-gpu"]

    /// - Returns: the exit status.
    func run(_ invocation: Invocation) throws(SkiffError) -> CInt {
        let name = invocation.positionals.first ?? ""
        switch invocation.command {
        case "plugin list":
            let all = invocation[.all]
            if !all, let note = stockNote() { Log.info(note) }
            return try write(list(all: all))
        case "plugin inspect": return try write(try inspect(name))
        case "plugin enable": return try change(name, enabled: true)
        case "plugin disable": return try change(name, enabled: false)
        case "plugin check": return try check(name, invocation)
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

    /// Returns a line about the plugins that the list leaves out; nil when none is installed.
    func stockNote() -> String? {
        let names = registry.entries.map(\.manifest.id).filter(Self.stock.contains)
        guard !names.isEmpty else { return nil }
        let verb = names.count == 1 ? "came with skiff and is" : "came with skiff and are"
        return "\(names.joined(separator: " and ")) \(verb) not listed: 'plugin list --all' shows all"
    }

    /// Returns the list in Apptainer's columns. With `all`, stock plugins and broken manifests are included.
    func list(all: Bool) -> String {
        var rows = registry.entries.filter { all || !Self.stock.contains($0.manifest.id) }.map { entry in
            let id = entry.manifest.id
            return (Self.stock.contains(id) ? id + "  (came with skiff)" : id, entry.isEnabled ? "yes" : "no")
        }
        if all { rows += registry.broken.map { ($0.id.isEmpty ? $0.file : $0.id, "broken") } }
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
            let value = flag.kind == .bool ? "" : " \(flag.kind.rawValue)"
            return "Flag: --\(flag.name)\(value): \(flag.help)"
        }
        lines += manifest.commands.map { "Command: \($0.name): \($0.help)" }
        lines += manifest.schemes.map { scheme in
            "Scheme: \(scheme):// (\(manifest.pushSchemes.contains(scheme) ? "pull, push" : "pull"))"
        }
        lines += manifest.configurationKeys.map { "Configuration: \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private func change(_ name: String, enabled: Bool) throws(SkiffError) -> CInt {
        let manifest = try find(name, to: enabled ? "enable" : "disable").manifest
        var state = try PluginState(reading: registry.stateFile, trust: .ofThisProcess)
        try state.set(manifest.id, enabled: enabled)
        return 0
    }

    /// Finds a manifest anywhere if the word is a path, else an installed plugin.
    private func find(_ name: String, to verb: String) throws(SkiffError) -> (manifest: Manifest, directory: String) {
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
        let results = try Checker(manifest: manifest, directory: directory).run { test in
            only?.contains { test.contains($0) } ?? true && !skip.contains { test.contains($0) }
        }
        _ = try write(invocation[.json] ? Checker.json(results, manifest) : Checker.text(results))
        return results.contains { $0.outcome == .failed || $0.outcome == .crashed } ? 1 : 0
    }
}
