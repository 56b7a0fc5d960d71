import Base
package import Grammar

extension InstalledPlugins {
    /// What the manifests of enabled plugins add to the command line.
    package var grammar: PluginGrammar {
        PluginGrammar(
            flags: enabled.flatMap(\.grammarFlags), commands: enabled.flatMap(\.grammarCommands),
            refusals: Dictionary(broken.map { ($0.id, $0.error.description) }) { first, _ in first })
    }

    /// All flags of enabled plugins.
    package func flags() -> [PluginFlag] { grammar.flags }
}

extension Manifest {
    fileprivate var grammarFlags: [PluginFlag] {
        flags.map { flag in
            PluginFlag(
                name: flag.name, short: flag.short?.unicodeScalars.first, kind: flag.kind.grammarKind,
                defaultText: flag.defaultValue ?? "", environment: flag.environment, help: flag.help,
                commands: flag.commands.isEmpty ? ["exec", "run", "shell", "test"] : flag.commands,
                isHidden: flag.isHidden, plugin: id)
        }
    }

    fileprivate var grammarCommands: [PluginCommand] {
        commands.map { PluginCommand(name: $0.name, usage: $0.usage, help: $0.help, plugin: id) }
    }
}

extension ManifestFlag.Kind {
    fileprivate var grammarKind: FlagKind {
        switch self {
        case .bool: .bool
        case .int: .int
        case .string, .path: .string
        case .strings: .slice
        }
    }
}
