/// Everything the command line knows, one function for each command, so that asking for one builds only that one.
enum Table {
    static func command(_ path: String) -> Command? {
        switch path {
        case "exec": exec
        case "run": run
        case "shell": shell
        case "test": test
        case "build": build
        case "inspect": inspect
        case "run-help": runHelp
        case "instance": instance
        case "sif": sif
        case "plugin": plugin
        case "capability": capability
        case "config": configuration
        case "oci": oci
        case "doctor": doctor
        case "version": version
        case "help": help
        case "completion": completion
        case "buildcfg": buildConfiguration
        case "confgen": configurationFile
        default: verb(path)
        }
    }

    private static func verb(_ path: String) -> Command? {
        if path.hasPrefix("instance ") { return instanceVerb(path) }
        if path.hasPrefix("sif ") { return sifVerb(path) }
        if path.hasPrefix("plugin ") { return pluginVerb(path) }
        if path.hasPrefix("capability ") { return capabilityVerb(path) }
        if path.hasPrefix("oci ") { return ociVerb(path) }
        if path.hasPrefix("config ") { return configurationVerb(path) }
        if path.hasPrefix("completion ") { return completionVerb(path) }
        return networkVerb(path) ?? remoteVerb(path)
    }

    /// The program itself with the flags before the first command word.
    static var root: Command {
        var command = Command(
            "", summary: "\nContainers in one file, started in milliseconds, without privileges",
            usage: "[global options...]",
            description: """
                @ runs programs inside images: files in the Singularity Image Format
                (SIF), squashfs files and plain directories. Users need no privileges for it.
                GPUs, overlays and other additions come as plugins.
                """)
        command.verbs = [
            "build", "cache", "capability", "completion", "config", "delete", "doctor", "exec", "help", "inspect",
            "instance", "keyserver", "oci",
            "plugin", "pull", "push",
            "registry", "remote", "run", "run-help", "search", "shell", "sif", "tag", "test", "version",
        ]
        command.needsVerb = true
        command.examples = """
            $ @ help <command> [<subcommand>]
            $ @ help build
            $ @ help sif list
            """
        command.flags = rootFlags
        return command
    }

    private static var rootFlags: [Flag] {
        [
            Flag(.buildConfig, help: "use the configuration of containers that build images"),
            Flag(
                .config, short: "c", help: "read this configuration file", environment: "CONFIG_FILE",
                completes: .files),
            Flag(.debug, short: "d", help: "print everything that helps to find a fault", environment: "DEBUG"),
            Flag(.nocolor, help: "print messages without colour", environment: "NOCOLOR"),
            Flag(.quiet, short: "q", help: "print warnings and errors only", environment: "QUIET"),
            Flag(.silent, short: "s", help: "print errors only", environment: "SILENT"),
            Flag(.verbose, short: "v", help: "print more about what is done", environment: "VERBOSE"),
            Flag(.version, help: "print name and version"),
            help("@"),
        ]
    }

    /// `--help` of the command `name`.
    static func help(_ name: String) -> Flag { Flag(.help, short: "h", help: "help for \(name)") }
}
