package import Core

/// A flag that a plugin's manifest adds to some commands. `InstalledGrammar` fills it; nothing here opens a library.
package struct PluginFlag: Sendable, Equatable {
    /// Without dashes.
    package var name: String
    package var short: Unicode.Scalar?
    package var kind: FlagKind
    /// Text as typed, empty for none.
    package var defaultText: String
    /// The value of the flag without `=value`; empty when a value must follow.
    package var impliedText = ""
    /// The only values, or those that completion offers.
    package var choices: [String] = []
    package var allowsOtherValues = false
    package var range: ClosedRange<Int>?
    package var completes = Completion.nothing
    /// Variables without `APPTAINER_`.
    package var environment: [String]
    package var help: String
    /// `exec`, `instance start`.
    package var commands: [String]
    package var isHidden: Bool
    /// The id of the plugin.
    package var plugin: String

    package init(
        name: String, short: Unicode.Scalar? = nil, kind: FlagKind, defaultText: String = "",
        environment: [String] = [], help: String, commands: [String], isHidden: Bool = false, plugin: String
    ) {
        self.name = name
        self.short = short
        self.kind = kind
        self.defaultText = defaultText
        self.environment = environment
        self.help = help
        self.commands = commands
        self.isHidden = isHidden
        self.plugin = plugin
    }

    var flag: Flag {
        var flag = Flag(
            named: name, short: short, kind, help: help, environment: environment.joined(separator: " "),
            defaultText: defaultText, impliedText: impliedText, choices: choices.joined(separator: " "),
            allowsOtherValues: allowsOtherValues, completes: completes, hidden: isHidden, plugin: plugin)
        flag.range = range
        return flag
    }
}

/// A command that a plugin's manifest adds: a word, or a group and its verb; or the group itself.
package struct PluginCommand: Sendable, Equatable {
    package var name: String
    /// What follows the name in `Usage:`.
    package var usage: String
    package var help: String
    /// One line of any length; empty when `help` says it all.
    package var description = ""
    /// How many words follow the flags; nil when all words go to the plugin as typed.
    package var arguments: ClosedRange<Int>?
    package var completes = Completion.nothing
    /// Of a group.
    package var verbs: [String] = []
    package var plugin: String

    package init(name: String, usage: String, help: String, plugin: String) {
        (self.name, self.usage, self.help, self.plugin) = (name, usage, help, plugin)
    }

    var command: Command {
        let long = description.isEmpty ? help : description
        var command = Command(
            name, summary: help, usage: usage.isEmpty ? name : name + " " + usage,
            description: wrapped(long, indent: 0, width: 78))
        command.plugin = plugin
        command.completes = completes
        command.verbs = verbs.sorted()
        command.needsVerb = !verbs.isEmpty
        command.readsWords = arguments == nil && verbs.isEmpty
        command.arguments = arguments.map(ArgumentRule.init) ?? .any
        return command
    }
}

/// A plugin that is installed and cannot be used: what its manifest adds to the command line is still known, so that
/// asking for it is answered with the reason.
package struct UnusablePlugin: Sendable, Equatable {
    package var id: String
    /// `is disabled`.
    package var reason: String
    /// What helps, as a whole sentence; empty where the reason makes it clear.
    package var hint: String
    package var flags: [PluginFlag]
    package var commands: [String]

    package init(id: String, reason: String, hint: String = "", flags: [PluginFlag], commands: [String]) {
        (self.id, self.reason, self.hint) = (id, reason, hint)
        (self.flags, self.commands) = (flags, commands)
    }

    /// What follows the name of the requested command or flag.
    var sentence: String { "needs the plugin \(id), which \(reason)" + (hint.isEmpty ? "" : ". " + hint) }
}

extension PluginFlag {
    func matches(_ name: FlagParser.FlagName) -> Bool {
        switch name {
        case .long(let text): text == self.name
        case .short(let letter): short.map { $0.value == UInt32(letter) } ?? false
        }
    }
}

/// What all plugins of an installation add to the command line.
package struct PluginGrammar: Sendable, Equatable {
    package var flags: [PluginFlag]
    package var commands: [PluginCommand]
    package var unusable: [UnusablePlugin]
    /// Why no plugin can be used at all.
    package var refusal: String?
    /// What they add to skiff.conf.
    package var directives: [PluginDirective]

    package init(
        flags: [PluginFlag] = [], commands: [PluginCommand] = [], unusable: [UnusablePlugin] = [],
        refusal: String? = nil, directives: [PluginDirective] = []
    ) {
        (self.flags, self.commands, self.unusable, self.refusal) = (flags, commands, unusable, refusal)
        self.directives = directives
    }
}
