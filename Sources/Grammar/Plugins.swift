/// A flag that a plugin's manifest adds to some commands. PluginHost fills it; nothing here opens a library.
package struct PluginFlag: Sendable, Equatable {
    /// Without dashes.
    package var name: String
    package var short: Unicode.Scalar?
    package var kind: FlagKind
    /// Text as typed, empty for none.
    package var defaultText: String
    /// Variables without `APPTAINER_`.
    package var environment: [String]
    package var help: String
    /// `exec`, `instance start`.
    package var commands: [String]
    package var isHidden: Bool
    /// Whether the value is a path of the host, so that completion offers files.
    package var isPath: Bool
    /// The id of the plugin.
    package var plugin: String

    package init(
        name: String, short: Unicode.Scalar? = nil, kind: FlagKind, defaultText: String = "",
        environment: [String] = [], help: String, commands: [String], isHidden: Bool = false, isPath: Bool = false,
        plugin: String
    ) {
        self.name = name
        self.short = short
        self.kind = kind
        self.defaultText = defaultText
        self.environment = environment
        self.help = help
        self.commands = commands
        self.isHidden = isHidden
        self.isPath = isPath
        self.plugin = plugin
    }

    var flag: Flag {
        Flag(
            name, short: short, kind, help: help, environment: environment.joined(separator: " "),
            defaultText: defaultText,
            completes: isPath ? .files : .nothing, hidden: isHidden, plugin: plugin)
    }
}

/// A command word that a plugin's manifest adds. Its arguments go to the plugin as typed.
package struct PluginCommand: Sendable, Equatable {
    package var name: String
    /// What stands behind the name in `Usage:`.
    package var usage: String
    package var help: String
    package var plugin: String

    package init(name: String, usage: String, help: String, plugin: String) {
        (self.name, self.usage, self.help, self.plugin) = (name, usage, help, plugin)
    }

    var command: Command {
        var command = Command(name, summary: help, usage: usage.isEmpty ? name : name + " " + usage, description: help)
        command.plugin = plugin
        return command
    }
}

/// What all plugins of an installation add to the command line.
package struct PluginGrammar: Sendable, Equatable {
    package var flags: [PluginFlag]
    package var commands: [PluginCommand]
    /// Why a plugin that is there cannot be used, by its id; under the empty id a reason that holds for all.
    package var refusals: [String: String]

    package init(flags: [PluginFlag] = [], commands: [PluginCommand] = [], refusals: [String: String] = [:]) {
        (self.flags, self.commands, self.refusals) = (flags, commands, refusals)
    }
}
