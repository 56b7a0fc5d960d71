package import Base
package import Core
package import Grammar
package import PluginHost

extension PluginCatalog {
    package func grammar(for query: PluginQuery) -> PluginGrammar { plugins(for: [query]).grammar }
}

extension InstalledPlugins {
    /// What the manifests of enabled plugins add to the command line.
    package var grammar: PluginGrammar {
        PluginGrammar(
            flags: enabled.flatMap(\.grammarFlags), commands: enabled.flatMap(\.grammarCommands),
            unusable: unusable, refusal: broken.first { $0.id.isEmpty }?.error.description,
            directives: directives)
    }

    /// What enabled plugins add to skiff.conf.
    package var directives: [PluginDirective] { enabled.flatMap(\.settings).map(\.directive) }

    private var unusable: [UnusablePlugin] {
        entries.filter { !$0.isEnabled }.map { entry in
            let id = entry.manifest.id
            return UnusablePlugin(
                id: id, reason: "is disabled", hint: "Run: skiff plugin enable \(id)",
                flags: entry.manifest.grammarFlags, commands: entry.manifest.grammarCommands.map(\.name))
        }
            + broken.filter { isPluginID($0.id) }.map { broken in
                UnusablePlugin(
                    id: broken.id, reason: "cannot be used: \(broken.error)",
                    flags: broken.outline.flags.map { $0.grammarFlag(of: broken.id) }, commands: broken.outline.commands
                )
            }
    }
}

/// The commands that take a flag whose manifest names none.
private let launchCommands = ["exec", "run", "shell", "test", "instance start", "instance run"]

extension ManifestOutline.Flag {
    fileprivate func grammarFlag(of plugin: String) -> PluginFlag {
        PluginFlag(
            name: name, short: short?.unicodeScalars.first, kind: .string, environment: environment, help: "",
            commands: commands.isEmpty ? launchCommands : commands, plugin: plugin)
    }
}

extension Manifest {
    var grammarFlags: [PluginFlag] {
        flags.map { flag in
            var result = PluginFlag(
                name: flag.name, short: flag.short?.unicodeScalars.first, kind: flag.kind.grammarKind,
                defaultText: flag.defaultValue ?? "", environment: flag.environment, help: flag.help,
                commands: flag.commands.isEmpty ? launchCommands : flag.commands,
                isHidden: flag.isHidden, plugin: id)
            result.impliedText = flag.impliedValue ?? ""
            result.choices = flag.values + flag.suggestions
            result.allowsOtherValues = flag.values.isEmpty
            result.range = flag.range
            result.completes = flag.completes.grammarCompletion
            return result
        }
    }

    fileprivate var grammarCommands: [PluginCommand] {
        groups.map { group in
            var result = PluginCommand(name: group.name, usage: "", help: group.help, plugin: id)
            result.verbs = commands.map(\.name).filter { $0.hasPrefix(group.name + " ") }
                .map { String($0.dropFirst(group.name.count + 1)) }
            return result
        }
            + commands.map { command in
                var result = PluginCommand(name: command.name, usage: command.usage, help: command.help, plugin: id)
                result.description = command.description
                result.arguments = command.arguments
                result.completes = command.completes.grammarCompletion
                return result
            }
    }
}

extension ManifestFlag.Completion {
    fileprivate var grammarCompletion: Completion {
        switch self {
        case .nothing: .nothing
        case .files: .files
        case .directories: .directories
        }
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
