/// `instance`: Docs/spec/cli.md §2 and §3.
extension Table {
    static var instance: Command {
        var command = Command(
            "instance", summary: "Run containers in the background", usage: "instance",
            description: """
                Starts containers that stay under a name, as services do, and stops them.
                'exec', 'shell' and 'run' start programs in one: the image is instance://NAME.
                """)
        command.verbs = ["list", "logs", "run", "start", "stats", "stop"]
        command.needsVerb = true
        command.examples = """
            $ @ instance start web.sif web
            $ @ exec instance://web ps
            $ @ instance stop web
            """
        return command
    }

    static func instanceVerb(_ path: String) -> Command? {
        switch path {
        case "instance start":
            launching(
                path, "Start an instance, with the startscript of the image",
                "[start options...] <container path> <instance name> [startscript args...]",
                """
                Starts a container that stays, and runs the startscript of the image in it.
                The container goes on when that has ended, until 'instance stop'. What its
                programs print is kept, and shown by 'instance logs'.
                """,
                """
                $ @ instance start database.sif db --port 5432
                $ @ shell instance://db
                """)
        case "instance run":
            launching(
                path, "Start an instance, with the runscript of the image",
                "[run options...] <container path> <instance name> [runscript args...]",
                "Does what 'instance start' does, with the runscript of the image.",
                "$ @ instance run server.sif web 8080")
        case "instance list": instanceList
        case "instance stop": instanceStop
        case "instance stats": instanceStats
        case "instance logs": instanceLogs
        default: nil
        }
    }

    private static func launching(
        _ path: String, _ summary: String, _ usage: String, _ start: String, _ examples: String
    ) -> Command {
        var command = action(path, summary, path + " " + usage, start, examples)
        command.arguments = .atLeast(2)
        // These belong to programs that somebody waits for.
        let foreground = ["pid", "no-pid", "sharens", "cwd", "pwd"]
        command.flags.removeAll { foreground.contains($0.long) }
        command.flags += [
            Flag(.boot, help: "not possible: the reason is told", environment: "BOOT"),
            Flag(
                .pidFile, help: "write the number of the instance's first process into this file",
                environment: "PID_FILE", completes: .files),
        ]
        return command
    }

    private static func verb(
        _ name: String, _ summary: String, _ usage: String, _ description: String, _ arguments: ArgumentRule,
        _ flags: [Flag]
    ) -> Command {
        var command = Command(
            "instance " + name, summary: summary, usage: "instance \(name) [\(name) options...] " + usage,
            description: description)
        command.arguments = arguments
        command.flags = flags
        return command
    }

    private static func userFlag(_ verb: String) -> Flag {
        Flag(.user, short: "u", help: "\(verb) instances of this user (root only)", environment: "USER")
    }

    private static var instanceList: Command {
        verb(
            "list", "List the instances that run", "[instance name glob]",
            "Lists the instances of this user on this host, or those whose names match.", .between(0, 1),
            [
                Flag(
                    .all, short: "a", help: "no effect: containers that --sharens shares are no instances",
                    environment: "ALL"),
                Flag(.json, short: "j", help: "print JSON", environment: "JSON"),
                Flag(.logs, short: "l", help: "show where their output is kept", environment: "LOGS"),
                userFlag("list the"),
            ])
    }

    private static var instanceStop: Command {
        verb(
            "stop", "Stop instances", "[instance]",
            """
            Sends a signal to the programs of an instance, or of all whose names match,
            and waits until nothing of it is left. After a time what is left is killed.
            """, .between(0, 1),
            [
                Flag(.all, short: "a", help: "stop all instances of this user", environment: "ALL"),
                Flag(.force, short: "F", help: "kill at once", environment: "FORCE"),
                Flag(
                    .signal, short: "s", help: "the signal, by name or number", environment: "SIGNAL",
                    defaultText: ""),
                Flag(.timeout, short: "t", help: "seconds until what is left is killed", defaultText: "10"),
                userFlag("stop the"),
            ])
    }

    private static var instanceStats: Command {
        verb(
            "stats", "Show what an instance uses", "<instance name>",
            "Shows processor time, memory and processes of an instance that has a cgroup.", .exactly(1),
            [
                Flag(.json, short: "j", help: "print JSON", environment: "JSON"),
                Flag(.noStream, help: "print one line and end"),
                userFlag("the"),
            ])
    }

    private static var instanceLogs: Command {
        verb(
            "logs", "Show what an instance has printed", "<instance name>",
            """
            Prints the kept output of an instance, and its error output to standard
            error. Logs stay when the instance has ended; a new one of the same name goes
            on in them.
            """, .exactly(1),
            [
                Flag(.err, help: "only the error output"),
                Flag(.follow, short: "f", help: "go on with what is printed later, until the instance ends"),
                Flag(FlagKey<Bool>.out, help: "only the output"),
            ])
    }
}
