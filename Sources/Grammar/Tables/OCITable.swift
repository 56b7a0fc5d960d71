/// `oci`: containers of bundles, by the runtimes of others; Docs/spec/cli.md §16.
extension Table {
    static var oci: Command {
        var command = Command(
            "oci", summary: "Manage OCI containers (root user only)", usage: "oci",
            description: """
                Runs containers from bundles of the Open Container Initiative: directories
                with a config.json and a root file system. runc or crun does it. 'oci mount'
                makes such a bundle of an image.
                """)
        command.verbs = [
            "attach", "create", "delete", "exec", "kill", "mount", "pause", "resume", "run", "start", "state", "umount",
            "update",
        ]
        command.examples = """
            $ sudo @ oci mount image.sif /var/lib/bundle
            $ sudo @ oci run --bundle /var/lib/bundle name
            $ sudo @ oci umount /var/lib/bundle
            """
        return command
    }

    static func ociVerb(_ path: String) -> Command? {
        let id = "<container_ID>"
        switch path {
        case "oci create":
            return making(
                "create", "Create a container from a bundle directory",
                "Creates a container, whose program waits for 'oci start'.")
        case "oci run":
            return making(
                "run", "Run a container from a bundle directory",
                """
                Creates it, starts it and attaches to it. When its program has ended, the
                container is removed, and the command ends with the program's exit code.
                """)
        case "oci start": return verb("start", "Start the program of a container", id)
        case "oci state":
            return verb("state", "Show the state of a container", id, "Prints what the runtime says, as JSON.")
        case "oci attach":
            return verb(
                "attach", "Attach to the program of a container", id,
                """
                Shows what the program writes from now on, hands on what is typed, and ends
                with its exit code.
                """)
        case "oci pause": return verb("pause", "Suspend all processes of a container", id)
        case "oci resume": return verb("resume", "Let all processes of a container go on", id)
        case "oci delete": return verb("delete", "Remove a container that has ended", id)
        case "oci exec":
            var command = verb("exec", "Run a command in a container", id + " <command> <args>")
            command.arguments = .atLeast(2)
            return command
        case "oci kill":
            var command = verb("kill", "Send a signal to the program of a container", id + " [signal]")
            command.arguments = .between(1, 2)
            command.flags = [
                Flag(.force, short: "f", help: "kill it (SIGKILL)", environment: "FORCE"),
                Flag(.signal, short: "s", help: "the signal, by name or number (SIGTERM)", environment: "SIGNAL"),
                Flag(.timeout, short: "t", help: "kill it when it has not ended after so many seconds"),
            ]
            return command
        case "oci update":
            var command = verb("update", "Change the limits of a container", id)
            command.flags = [
                Flag(
                    .fromFile, short: "f", help: "a file with the limits as JSON, or - for the standard input",
                    environment: "FROM_FILE", completes: .files)
            ]
            return command
        case "oci mount":
            var command = verb(
                "mount", "Make a bundle of an image", "<sif_image> <bundle_path>",
                """
                Mounts the file system of an image in a new directory, with a writable
                layer above it and a config.json that runs the image's runscript. 'oci
                umount' takes it back, with what was written.
                """)
            (command.arguments, command.completes) = (.exactly(2), .files)
            return command
        case "oci umount":
            var command = verb("umount", "Take back a bundle that 'oci mount' has made", "<bundle_path>")
            command.completes = .directories
            return command
        default: return nil
        }
    }

    private static func verb(_ name: String, _ summary: String, _ arguments: String, _ more: String? = nil) -> Command {
        var command = Command(
            "oci " + name, summary: summary + " (root user only)",
            usage: "oci \(name) [\(name) options...] " + arguments,
            description: more ?? summary + ".")
        command.arguments = .exactly(1)
        command.completes = .nothing
        return command
    }

    private static func making(_ name: String, _ summary: String, _ more: String) -> Command {
        var command = verb(name, summary, "<container_ID>", more)
        command.usage = "oci \(name) -b <bundle_path> [\(name) options...] <container_ID>"
        command.flags = [
            Flag(.bundle, short: "b", help: "the bundle directory", environment: "BUNDLE", completes: .directories),
            Flag(
                .logFormat, help: "how lines are logged: basic, kubernetes or json (kubernetes)",
                environment: "LOG_FORMAT"),
            Flag(
                .logPath, short: "l", help: "write what the program prints into this file", environment: "LOG_PATH",
                completes: .files),
            Flag(
                .pidFile, help: "write the number of the container's first process into this file",
                environment: "PID_FILE", completes: .files),
        ]
        return command
    }
}
