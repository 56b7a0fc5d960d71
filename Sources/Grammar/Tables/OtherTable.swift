/// Plugins, versions, help and completion: Docs/spec/cli.md §14, §17.
extension Table {
    static var plugin: Command {
        var command = Command(
            "plugin", summary: "Manage plugins", usage: "plugin [plugin options...]",
            description: "Lists, examines and switches the plugins of this installation.")
        command.verbs = [
            "check", "compile", "create", "devices", "disable", "enable", "inspect", "install", "list", "uninstall",
        ]
        command.needsVerb = true
        command.examples = """
            $ @ plugin list
            $ @ help plugin check
            """
        return command
    }

    static func pluginVerb(_ path: String) -> Command? {
        switch path {
        case "plugin list":
            var command = pluginVerb("list", "List the installed plugins", "list [list options...]", .exactly(0))
            command.flags = [
                Flag(
                    .all, short: "a", help: "also list hidden plugins, such as those of skiff itself, and broken ones"),
                Flag(.json, short: "j", help: "print JSON"),
            ]
            return command
        case "plugin inspect":
            var command = pluginVerb(
                "inspect", "Show what a plugin adds", "inspect [inspect options...] (<name>|<file>)", .exactly(1))
            command.flags = [Flag(.json, short: "j", help: "print JSON")]
            return command
        case "plugin enable":
            return pluginVerb("enable", "Switch an installed plugin on", "enable <name>", .exactly(1))
        case "plugin disable":
            return pluginVerb("disable", "Switch an installed plugin off", "disable <name>", .exactly(1))
        case "plugin check": return pluginCheck
        case "plugin devices":
            var command = pluginVerb(
                "devices", "List the devices that plugins hand in with --device", "devices [devices options...]",
                .exactly(0))
            command.flags = [
                Flag(
                    .cdiDirs, help: "the directories in which plugins look for CDI specifications",
                    completes: .directories),
                Flag(.json, short: "j", help: "print JSON"),
            ]
            return command
        case "plugin create", "plugin compile", "plugin install", "plugin uninstall": return foreignPluginVerb(path)
        default: return nil
        }
    }

    private static func pluginVerb(
        _ name: String, _ summary: String, _ usage: String, _ arguments: ArgumentRule
    ) -> Command {
        var command = Command(
            "plugin " + name, summary: summary, usage: "plugin " + usage, description: summary + ".")
        command.arguments = arguments
        command.completes = arguments == .exactly(0) ? .nothing : .plugins
        return command
    }

    private static var pluginCheck: Command {
        var command = pluginVerb(
            "check", "Test a plugin against the rules of the interface", "check [check options...] (<name>|<file>)",
            .exactly(1))
        command.flags = [
            Flag(.json, short: "j", help: "print JSON"),
            Flag(.only, help: "run only the tests whose name has one of these texts, separated by commas"),
            Flag(.skip, help: "leave out the tests whose name has one of these texts, separated by commas"),
        ]
        return command
    }

    /// Verbs that create or install plugins of Apptainer, which are Go libraries. They are known so that the answer can
    /// say why they do not work here; Docs/spec/cli.md §14.
    private static func foreignPluginVerb(_ path: String) -> Command? {
        var command: Command
        switch path {
        case "plugin create":
            command = pluginVerb("create", "Not for plugins of skiff", "create <host_path> <name>", .exactly(2))
        case "plugin compile":
            command = pluginVerb(
                "compile", "Not for plugins of skiff", "compile [compile options...] <host_path>", .exactly(1))
            command.flags = [Flag(FlagKey<String>.out, short: "o", help: "the file to make", completes: .files)]
        case "plugin install":
            command = pluginVerb("install", "Not for plugins of skiff", "install <plugin_path>", .exactly(1))
        default:
            command = pluginVerb("uninstall", "Not for plugins of skiff", "uninstall <name>", .exactly(1))
        }
        command.isHidden = true
        return command
    }

    static var doctor: Command {
        var command = Command(
            "doctor", summary: "Find out what keeps containers from running",
            usage: "doctor [doctor options...]",
            description: """
                Looks at what containers need of this host, tries what can be tried, and
                says of each thing that is wrong what it costs and what helps. It exits
                with 1 when an ordinary launch fails here.
                """)
        command.arguments = .exactly(0)
        command.completes = .nothing
        command.examples = """
            $ @ doctor
            $ @ doctor --json
            $ @ doctor --clean
            """
        command.flags = [
            Flag(.clean, help: "remove what processes that were killed have left behind"),
            Flag(.json, short: "j", help: "print JSON"),
        ]
        return command
    }

    static var version: Command {
        Command(
            "version", summary: "Show the version", usage: "version",
            description: "Prints the version number and nothing else.")
    }

    static var help: Command {
        var command = Command(
            "help", summary: "Help about any command", usage: "help [command]",
            description: """
                Shows the help of a command; 'help a b' is the same as 'a b --help'.
                'help deffile' shows what a definition file may say.
                """)
        command.completes = .commands
        return command
    }

    static var completion: Command {
        var command = Command(
            "completion", summary: "Print a completion script for a shell", usage: "completion",
            description: "Prints a script with which a shell completes commands, flags and files.")
        command.verbs = ["bash", "fish", "zsh"]
        return command
    }

    static func completionVerb(_ path: String) -> Command? {
        let (name, load): (String, String)
        switch path {
        case "completion bash": (name, load) = ("bash", "source <(@ completion bash)")
        case "completion fish": (name, load) = ("fish", "@ completion fish | source")
        case "completion zsh": (name, load) = ("zsh", "source <(@ completion zsh)")
        default: return nil
        }
        var command = Command(
            path, summary: "Print the completion script for \(name)", usage: path,
            description: "Prints the completion script for \(name). To use it in the running shell:\n\n  \(load)")
        command.arguments = .exactly(0)
        return command
    }

    static var buildConfiguration: Command {
        var command = Command(
            "buildcfg", summary: "Print where this installation has its parts", usage: "buildcfg [parameter]",
            description: "Prints NAME=value lines, or the value of one name.")
        command.arguments = .atMost(1)
        command.isHidden = true
        return command
    }

    static var configurationFile: Command {
        var command = Command(
            "confgen", summary: "Write a configuration file", usage: "confgen [oldconffile] newconffile",
            description: "Writes the default configuration, with the settings of an old file when one is given.")
        command.arguments = .between(1, 2)
        command.isHidden = true
        command.completes = .files
        return command
    }
}
