import Base

/// Logins and endpoints: registry, remote, keyserver; Docs/spec/cli.md §11.
extension Table {
    static func remoteVerb(_ path: String) -> Command? {
        switch path {
        case "registry":
            group(
                "registry", "Log in to registries", ["list", "login", "logout"],
                "Keeps names and passwords for OCI registries.", "$ @ registry login docker://registry.example")
        case "registry login":
            verb(
                path, "Log in to a registry", "<URI>", .exactly(1),
                loginFlags + [authFileFlag, insecureFlag("LOGIN_INSECURE")],
                "$ @ registry login --username ann docker://registry.example")
        case "registry logout": verb(path, "Forget the login to a registry", "<URI>", .atMost(1), [authFileFlag])
        case "registry list": verb(path, "Show the registries that you are logged in to", "", .exactly(0), [])
        case "remote":
            group(
                "remote", "Manage remote endpoints",
                ["add", "get-login-password", "list", "login", "logout", "remove", "status", "use"],
                "A remote endpoint is a host that offers a library, keys and logins.",
                "$ @ remote add office https://library.example")
        case let path where path.hasPrefix("remote "): endpointVerb(path)
        case "keyserver":
            group(
                "keyserver", "Manage the keyservers of a remote", ["add", "list", "login", "logout", "remove"],
                "Keyservers are asked for the keys of signatures, in order.",
                "$ @ keyserver add https://keys.example")
        case let path where path.hasPrefix("keyserver "): keyserverVerb(path)
        default: nil
        }
    }

    private static func endpointVerb(_ path: String) -> Command? {
        let global = Flag(.global, short: "g", help: "change it for all users (root only)")
        let tokenFile = Flag(.tokenfile, help: "read the token from this file", completes: .files)
        switch path {
        case "remote add":
            return verb(
                path, "Add a remote", "<name> <URI>", .exactly(2),
                [
                    global, Flag(.noLogin, help: "do not log in"),
                    Flag(.noDefault, short: "n", help: "do not make it the remote in use"),
                    insecureFlag("ADD_INSECURE"), tokenFile,
                ], "$ @ remote add --no-login office library.example")
        case "remote remove": return verb(path, "Remove a remote", "<name>", .exactly(1), [global])
        case "remote use":
            return verb(
                path, "Choose the remote in use", "<name>", .exactly(1),
                [global, Flag(.exclusive, short: "e", help: "let all users use no other (root only)")])
        case "remote list": return verb(path, "Show all remotes", "", .exactly(0), [])
        case "remote login":
            return verb(
                path, "Log in to a remote with a token", "[name]", .atMost(1),
                loginFlags + [tokenFile, insecureFlag("LOGIN_INSECURE")])
        case "remote logout": return verb(path, "Forget the token of a remote", "[name]", .atMost(1), [])
        case "remote status": return verb(path, "Ask a remote how it is", "[name]", .atMost(1), [])
        case "remote get-login-password":
            return verb(path, "Print the password for the library's registry", "", .exactly(0), [])
        default: return nil
        }
    }

    private static func keyserverVerb(_ path: String) -> Command? {
        switch path {
        case "keyserver add":
            return verb(
                path, "Add a keyserver (root only)", "[remote] <URL>", .between(1, 2),
                [
                    Flag(.order, short: "o", help: "its place among the others, from 1"),
                    insecureFlag(""),
                ])
        case "keyserver remove":
            return verb(path, "Remove a keyserver (root only)", "[remote] <URL>", .between(1, 2), [])
        case "keyserver list": return verb(path, "Show the keyservers", "[remote]", .atMost(1), [])
        case "keyserver login":
            return verb(path, "Log in to a keyserver", "<URL>", .exactly(1), loginFlags + [insecureFlag("")])
        case "keyserver logout": return verb(path, "Forget the login to a keyserver", "<URL>", .exactly(1), [])
        default: return nil
        }
    }

    private static var configFlag: Flag {
        Flag(.config, short: "c", help: "the file of remotes, instead of remote.yaml", completes: .files)
    }

    private static var authFileFlag: Flag {
        Flag(
            .authfile, help: "the file with logins for registries, in Docker's form",
            environment: "AUTH_FILE", completes: .files)
    }

    private static func insecureFlag(_ variable: String) -> Flag {
        Flag(.insecure, short: "i", help: "allow plain http", environment: variable)
    }

    private static var loginFlags: [Flag] {
        [
            Flag(.username, short: "u", help: "the user's name", environment: "LOGIN_USERNAME"),
            Flag(.password, short: "p", help: "the password or token", environment: "LOGIN_PASSWORD"),
            Flag(.passwordStdin, help: "read the password from stdin"),
        ]
    }

    private static func group(
        _ path: String, _ summary: String, _ verbs: [String], _ description: String, _ example: String
    ) -> Command {
        var command = Command(path, summary: summary, usage: path + " [options...]", description: description)
        command.verbs = verbs
        command.examples = example
        command.flags = [configFlag]
        return command
    }

    private static func verb(
        _ path: String, _ summary: String, _ arguments: String, _ rule: ArgumentRule, _ flags: [Flag],
        _ example: String = ""
    ) -> Command {
        var command = Command(
            path, summary: summary, usage: path + " [options...]" + (arguments.isEmpty ? "" : " " + arguments),
            description: summary + ".")
        command.arguments = rule
        command.flags = flags + [configFlag]
        command.examples = example
        return command
    }
}
