import Base

/// The command line of `skiff-runtime`: that of `runc`, as far as engines and batch systems use it.
enum RuntimeTable {
    static let verbs = [
        "create", "delete", "events", "exec", "features", "help", "kill", "list", "pause", "ps", "resume", "run",
        "spec", "start", "state", "update",
    ]

    static var root: Command {
        var command = Command(
            "", summary: "\nAn OCI runtime: runs containers from bundles, for engines and batch systems",
            usage: "[global options...]",
            description: """
                Runs containers from bundles of the Open Container Initiative: directories
                with a config.json and a root file system. podman calls it by --runtime, Slurm
                by oci.conf. Everything in config.json is carried out, or named in an error.
                """)
        command.verbs = verbs
        command.needsVerb = true
        command.examples = """
            $ podman --runtime @ run --rm alpine date
            $ @ run --bundle /var/lib/bundle name
            """
        command.flags = [
            Flag(.root, help: "keep the state of containers in this directory", completes: .directories),
            Flag(.log, help: "add messages to this file as well", completes: .files),
            Flag(
                .logFormat, help: "how they are written there: text or json", defaultText: "text",
                choices: "json text"),
            Flag(.debug, help: "print everything that helps to find a fault"),
            Flag(.systemdCgroup, help: "have systemd make the cgroups of containers"),
            Flag(
                .rootless, help: "no effect: what this user may do is found out", choices: "auto false true",
                hidden: true),
            Flag(.version, short: "v", help: "print name, version and that of the specification"),
            Flag(.help, short: "h", help: "help for @"),
        ]
        return command
    }

    static func command(_ path: String) -> Command? {
        let id = "<container>"
        switch path {
        case "create":
            return making(
                "create", "Create a container", "Makes a container, whose program waits for 'start'.",
                Self.makingFlags)
        case "run":
            return making(
                "run", "Create a container and start it",
                """
                Makes a container, starts it, passes signals on, and ends as its program does.
                Then the container is deleted.
                """,
                Self.makingFlags + [
                    Flag(.detach, short: "d", help: "do not wait for the program"),
                    Flag(.keep, help: "do not delete the container when its program has ended"),
                ])
        case "start": return verb("start", "Start the program of a container", id)
        case "state": return verb("state", "Print the state of a container as JSON", id)
        case "kill":
            var command = verb("kill", "Send a signal to a container", id + " [signal]")
            command.arguments = .between(1, 2)
            command.flags = [Flag(.all, short: "a", help: "send it to all processes of the container")]
            return command
        case "delete":
            var command = verb("delete", "Remove a container", id)
            command.flags = [
                Flag(.force, short: "f", help: "kill it first where it runs; none of the name is no error")
            ]
            return command
        case "list":
            var command = verb("list", "List containers", "")
            command.arguments = .exactly(0)
            command.flags = [
                Flag(.quiet, short: "q", help: "print names only"),
                Flag(.format, short: "f", help: "table or json", defaultText: "table", choices: "json table"),
            ]
            return command
        case "ps":
            var command = verb("ps", "Print the processes of a container", id)
            command.flags = [
                Flag(.format, short: "f", help: "table or json", defaultText: "table", choices: "json table")
            ]
            return command
        case "exec": return exec
        case "pause": return verb("pause", "Suspend all processes of a container", id)
        case "resume": return verb("resume", "Let all processes of a container go on", id)
        case "update": return update
        case "events":
            var command = verb("events", "Print as JSON what a container uses, until it ends", id)
            command.flags = [
                Flag(.interval, help: "how often", defaultText: "5s"),
                Flag(.stats, help: "print it once"),
            ]
            return command
        case "spec":
            var command = verb("spec", "Write a config.json that runs a shell", "")
            command.arguments = .exactly(0)
            command.flags = [
                Flag(
                    .bundle, short: "b", help: "where; without it, the current directory", completes: .directories),
                Flag(.rootlessBundle, help: "for the user who calls, alone in a user namespace"),
            ]
            return command
        case "features":
            var command = verb("features", "Print as JSON what this runtime can do", "")
            command.arguments = .exactly(0)
            return command
        case "help":
            var command = verb("help", "Help about a command", "[command]")
            command.arguments = .any
            return command
        default: return nil
        }
    }

    private static var exec: Command {
        var command = verb("exec", "Start a program in a container", "<container> [command] [args...]")
        command.arguments = .atLeast(1)
        command.flags =
            connectingFlags + [
                Flag(
                    .process, short: "p", help: "a file with the program as JSON, as process in config.json",
                    completes: .files),
                Flag(.detach, short: "d", help: "do not wait for the program"),
                Flag(.tty, short: "t", help: "give the program a terminal"),
                Flag(.user, short: "u", help: "its user: UID or UID:GID"),
                Flag(.additionalGids, short: "g", help: "its supplementary groups"),
                Flag(.cwd, help: "the directory in which it starts"),
                Flag(.environmentEntries, short: "e", help: "NAME=VALUE, added to its environment"),
                Flag(.cap, short: "c", help: "a capability that it has besides those of the container"),
                Flag(.noNewPrivs, help: "keep it from gaining privileges"),
            ]
        return command
    }

    private static var update: Command {
        var command = verb("update", "Change limits of a container", "<container>")
        command.flags = [
            Flag(
                .resources, short: "r",
                help: "a file with limits as JSON, as linux.resources in config.json; - for the input",
                completes: .files),
            Flag(.memory, help: "memory that the container may use, e.g. 512m; -1 for any amount"),
            Flag(.memoryReservation, help: "memory that the container keeps when others want it"),
            Flag(.memorySwap, help: "memory and swap together that the container may use"),
            Flag(.cpuPeriod, help: "the length of a period of the scheduler in microseconds"),
            Flag(.cpuQuota, help: "the time of processors in each period, in microseconds"),
            Flag(.cpuShare, help: "share of the processors in relation to others"),
            Flag(.cpuRealtimePeriod, help: "the period of real-time programs in microseconds"),
            Flag(.cpuRealtimeRuntime, help: "the time of real-time programs in each period, in microseconds"),
            Flag(.cpusetCpus, help: "the processors to run on, e.g. 0-2,4"),
            Flag(.cpusetMems, help: "the memory nodes to use, e.g. 0"),
            Flag(.pidsLimit, help: "processes that the container may have, -1 for any number"),
            Flag(.blkioWeight, help: "share of input and output in relation to others, 10 to 1000"),
        ]
        return command
    }

    private static var connectingFlags: [Flag] {
        [
            Flag(.pidFile, help: "write the number of the process into this file", completes: .files),
            Flag(.consoleSocket, help: "send the other end of the terminal to this socket", completes: .files),
            Flag(.preserveFds, help: "how many descriptors from 3 on the program gets"),
        ]
    }

    private static var makingFlags: [Flag] {
        connectingFlags + [
            Flag(
                .bundle, short: "b", help: "the bundle; without it, the current directory", completes: .directories),
            Flag(.noPivot, help: "not possible: the reason is told"),
            Flag(.noNewKeyring, help: "leave the container the session keyring of the caller"),
        ]
    }

    private static func verb(_ name: String, _ summary: String, _ arguments: String) -> Command {
        var command = Command(
            name, summary: summary,
            usage: "\(name) [\(name) options...]" + (arguments.isEmpty ? "" : " " + arguments),
            description: summary + ".")
        command.arguments = .exactly(1)
        return command
    }

    private static func making(_ name: String, _ summary: String, _ description: String, _ flags: [Flag]) -> Command {
        var command = verb(name, summary, "<container>")
        (command.description, command.flags) = (description, flags)
        return command
    }
}
