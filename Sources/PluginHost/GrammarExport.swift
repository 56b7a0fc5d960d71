package import Core
package import Grammar

extension Registry {
    /// What the manifests of enabled plugins add to the command line.
    package var grammar: PluginGrammar {
        PluginGrammar(flags: enabled.flatMap(\.grammarFlags), commands: enabled.flatMap(\.grammarCommands))
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

extension Request {
    /// Takes over the flags of plugins from a parsed command line, as text: `true` and `false` for booleans.
    package mutating func takePluginFlags(_ values: FlagValues) {
        pluginFlags = values.assignments.filter { !$0.plugin.isEmpty }.map { ($0.name, $0.value.texts) }
    }
}

extension Assignment.Value {
    fileprivate var texts: [String] {
        switch self {
        case .bool(let value): [value ? "true" : "false"]
        case .text(let value): [value]
        case .integer(let value): [String(value)]
        case .list(let values): values
        case .pairs(let pairs): pairs.map { "\($0.key)=\($0.value)" }
        }
    }
}
