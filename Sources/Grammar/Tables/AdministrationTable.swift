/// What administrators change: capabilities and the configuration; Docs/spec/cli.md §12 and §13.
extension Table {
    static var capability: Command {
        var command = Command(
            "capability", summary: "Manage capabilities of users and groups", usage: "capability",
            description: """
                Capabilities are parts of the powers of root. Those that root has in a
                container can be listed in capability.json (root default capabilities =
                file). Users need no grants: in their containers they have their own
                user namespace, in which --add-caps gives them what they ask for.
                """)
        command.verbs = ["add", "avail", "drop", "list"]
        command.needsVerb = true
        command.examples = """
            $ sudo @ capability add --user root CAP_NET_RAW,CAP_CHOWN
            $ @ capability list
            """
        return command
    }

    static func capabilityVerb(_ path: String) -> Command? {
        switch path {
        case "capability add":
            return change(
                path, "Add capabilities to a user or group (requires root)",
                "$ sudo @ capability add --user root AUDIT_READ,chown")
        case "capability drop":
            return change(
                path, "Remove capabilities from a user or group (requires root)",
                "$ sudo @ capability drop --user root all")
        case "capability list":
            var command = Command(
                path, summary: "Show capabilities for a given user or group", usage: path + " [user/group]",
                description: "Shows the capabilities of a user or group, or of all that have some.")
            command.arguments = .atMost(1)
            return command
        case "capability avail":
            var command = Command(
                path, summary: "Show description for available capabilities", usage: path + " [capabilities]",
                description: "Tells what each capability allows, or those of a list with commas.")
            command.arguments = .atMost(1)
            return command
        default: return nil
        }
    }

    private static func change(_ path: String, _ summary: String, _ example: String) -> Command {
        var command = Command(
            path, summary: summary,
            usage: "\(path) [\(path.dropFirst("capability ".count)) options...] <capabilities>",
            description: """
                \(summary).

                Capabilities stand between commas, in any case, with or without CAP_; all
                means all of them.
                """)
        command.arguments = .exactly(1)
        command.flags = [
            Flag(.group, short: "g", help: "manage capabilities for a group", environment: "CAP_GROUP"),
            Flag(.user, short: "u", help: "manage capabilities for a user", environment: "CAP_USER"),
        ]
        command.examples = example
        return command
    }

    static var configuration: Command {
        var command = Command(
            "config", summary: "Manage the configuration (root user only)", usage: "config",
            description: """
                Changes the configuration file of this installation, and the ranges of ids
                with which users are root of their containers.
                """)
        command.verbs = ["fakeroot", "global"]
        command.examples = """
            $ @ config global --get "bind path"
            $ sudo @ config fakeroot --add ann
            """
        return command
    }

    static func configurationVerb(_ path: String) -> Command? {
        switch path {
        case "config global": globalConfiguration
        case "config fakeroot": fakerootConfiguration
        default: nil
        }
    }

    private static var globalConfiguration: Command {
        var command = Command(
            "config global", summary: "Change or show a directive of the configuration",
            usage: "config global <option> <directive> [value,...]",
            description: """
                Changes one directive of the configuration file, and leaves all other
                lines and comments as they are. The new file is checked before it takes
                the place of the old one.
                """)
        command.arguments = .between(1, 2)
        command.flags = [
            Flag(.dryRun, short: "d", help: "print the file that would be written"),
            Flag(.get, short: "g", help: "print the value of the directive"),
            Flag(.reset, short: "r", help: "give the directive its default value"),
            Flag(.set, short: "s", help: "set the value; for a list, add values in front of it"),
            Flag(.unset, short: "u", help: "take a value away"),
        ]
        command.examples = """
            $ sudo @ config global --set "bind path" /etc/resolv.conf
            $ sudo @ config global --dry-run --set "mount dev" minimal
            """
        return command
    }

    private static var fakerootConfiguration: Command {
        var command = Command(
            "config fakeroot", summary: "Manage ranges of ids for --fakeroot (root user only)",
            usage: "config fakeroot <option> <user>",
            description: """
                Gives users ranges of ids in /etc/subuid and /etc/subgid. With one, the
                container of --fakeroot has real owners besides root.
                """)
        command.arguments = .exactly(1)
        command.flags = [
            Flag(.add, short: "a", help: "give a user the highest free range"),
            Flag(.disable, short: "d", help: "switch a user's range off, but keep it"),
            Flag(.enable, short: "e", help: "switch it on again"),
            Flag(.remove, short: "r", help: "remove a user's range"),
        ]
        command.examples = "$ sudo @ config fakeroot --add ann"
        return command
    }
}
